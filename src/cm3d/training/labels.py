"""Which boxes each training learns from: the semi-supervised split (paper, section 3.2, B)."""

from collections.abc import Mapping
from dataclasses import fields

import numpy as np

from cm3d.errors import InputError
from cm3d.params import ClassName, Labels
from cm3d.tables.boxes3d import Boxes3D, GroundTruth
from cm3d.tables.index import Frames, Sweeps
from cm3d.tables.labelled import is_labelled, is_unlabelled, knob_of
from cm3d.tables.lookup import positions, rows_by_word
from cm3d.training.frames import TrainingFrame


def inference_frames(frames: Frames, sweeps: Sweeps) -> list[TrainingFrame]:
    """Frames without boxes, in the table's order."""
    return training_frames(frames, sweeps, Boxes3D.empty())


def pretrain_frames(
    frames: Frames, sweeps: Sweeps, pseudo_labels: Boxes3D, labels: Labels, min_score: float
) -> list[TrainingFrame]:
    """The unlabelled part with its pseudo-labels of at least `min_score`.

    Raises:
        InputError: There is no such frame, or no box at all.
    """
    chosen = frames[is_unlabelled(frames, labels)]
    if not len(chosen):
        raise InputError(f"{knob_of(labels)}: no train frame is left without labels; use fewer")
    result = training_frames(chosen, sweeps, pseudo_labels[pseudo_labels.score >= min_score])
    if not _any_box(result):
        raise InputError(
            f"pretrain.min_label_score: no pseudo-label of {len(result)} train frames scores "
            f"{min_score}; lower it or look into the labels"
        )
    return result


def finetune_frames(
    frames: Frames, sweeps: Sweeps, ground_truth: GroundTruth, labels: Labels
) -> list[TrainingFrame]:
    """The labelled part with its ground truth, without boxes that no LiDAR point is in.

    Raises:
        InputError: There is no labelled frame, or no such box in any.
    """
    chosen = frames[is_labelled(frames, labels)]
    if not len(chosen):
        raise InputError(
            f"labels.fraction: {labels.fraction} of the train frames is not one; raise it"
        )
    seen = ground_truth[ground_truth.num_lidar_points > 0]
    names = [field.name for field in fields(Boxes3D)]
    boxes = Boxes3D(**{name: getattr(seen, name) for name in names})
    result = training_frames(chosen, sweeps, boxes)
    if not _any_box(result):
        raise InputError(
            f"{knob_of(labels)}: no box with LiDAR points among {len(result)} labelled frames; "
            "use more of them"
        )
    return result


def selftrain_frames(
    labelled: list[TrainingFrame],
    unlabelled: list[TrainingFrame],
    predictions: Boxes3D,
    min_score: Mapping[ClassName, float],
    labelled_repeats: int,
) -> list[TrainingFrame]:
    """The whole train split: ground truth, repeated, and a model's own boxes (appendix B).

    Args:
        labelled: As of `finetune_frames`.
        unlabelled: The other train frames.
        predictions: What the last round's model sees in them.
        min_score: Of a prediction that becomes a label, by class.
        labelled_repeats: How often each labelled frame stands in the result.

    Raises:
        InputError: There is no box at all.
    """
    limit = np.array(list(min_score.values()))
    limit = limit[positions(predictions.class_name, min_score)]
    boxes = predictions[predictions.score >= limit]
    rows = rows_by_word(boxes.sample_token, [frame.sample_token for frame in unlabelled])
    relabelled = [
        TrainingFrame(frame.sample_token, frame.sweeps, boxes[chosen])
        for frame, chosen in zip(unlabelled, rows, strict=True)
    ]
    if not _any_box(labelled + relabelled):
        raise InputError(
            f"selftrain.min_label_score: no box among {len(labelled)} labelled and "
            f"{len(relabelled)} relabelled frames; lower it or look into the model before"
        )
    return labelled * labelled_repeats + relabelled


def training_frames(frames: Frames, sweeps: Sweeps, boxes: Boxes3D) -> list[TrainingFrame]:
    """One training frame per row of `frames`, with its own sweeps and boxes."""
    tokens = frames.sample_token.tolist()
    sweep_rows = rows_by_word(sweeps.sample_token, tokens)
    box_rows = rows_by_word(boxes.sample_token, tokens)
    return [
        TrainingFrame(token, sweeps[of_sweeps], boxes[of_boxes])
        for token, of_sweeps, of_boxes in zip(tokens, sweep_rows, box_rows, strict=True)
    ]


def _any_box(frames: list[TrainingFrame]) -> bool:
    return any(len(frame.boxes) for frame in frames)
