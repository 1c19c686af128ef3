"""Which boxes each training learns from: the semi-supervised split (paper, section 3.2, B).

In training frames the score of a box is the weight with which it is learned; see `TrainingFrame`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import fields
from itertools import chain
from pathlib import Path
from typing import TypeVar

import numpy as np

from cm3d.detectors.protocol import Needs
from cm3d.errors import InputError
from cm3d.params import Labels, Selftrain
from cm3d.splits.labelled import has_returns, is_labelled, is_unlabelled, knob_of
from cm3d.tables.boxes import Boxes3D, GroundTruth
from cm3d.tables.classed import read_classed
from cm3d.tables.index import Frames, Sweeps
from cm3d.tables.words import rows_by_word
from cm3d.taxonomy import Taxonomy
from cm3d.training.frames import TrainingFrame, to_sensor

BoxesT = TypeVar("BoxesT", bound=Boxes3D)


def read_labels(
    table: type[BoxesT], folder: Path, scenes: Iterable[str], taxonomy: Taxonomy
) -> BoxesT:
    """Read the boxes of some scenes; what is of no class would be left out of the training.

    Args:
        table: Of the files.
        folder: Has one per scene.
        scenes: Their names.
        taxonomy: The classes.

    Raises:
        InputError: A file cannot be read, or a box is of none of the classes.
    """
    return table.concatenate(
        read_classed(table, folder / f"{scene}.parquet", taxonomy) for scene in scenes
    )


def inference_frames(frames: Frames, sweeps: Sweeps) -> list[TrainingFrame]:
    """Frames without boxes, in the table's order."""
    return training_frames(frames, sweeps, Boxes3D.empty())


def pretrain_frames(
    frames: Frames,
    sweeps: Sweeps,
    pseudo_labels: Boxes3D,
    labels: Labels,
    seed: int,
    min_score: float,
) -> list[TrainingFrame]:
    """The unlabelled part with its pseudo-labels of at least `min_score`.

    Args:
        frames: Of the train split, over all its scenes.
        sweeps: Their LiDAR files.
        pseudo_labels: Of their scenes.
        labels: The labelled part.
        seed: Of the order in which frames get labels.
        min_score: Of a pseudo-label that is learned.

    Raises:
        InputError: There is no such frame, or no box at all.
    """
    chosen = frames[is_unlabelled(frames, labels, seed)]
    if not len(chosen):
        raise InputError(f"{knob_of(labels)}: no train frame is left without labels; use fewer")
    boxes = _weighing_one(pseudo_labels[pseudo_labels.score >= min_score])
    result = training_frames(chosen, sweeps, boxes)
    if not _any_box(result):
        raise InputError(
            f"pretrain.min_label_score: no pseudo-label of {len(result)} train frames scores "
            f"{min_score}; lower it or look into the labels"
        )
    return result


def finetune_frames(
    frames: Frames, sweeps: Sweeps, ground_truth: GroundTruth, labels: Labels, seed: int
) -> list[TrainingFrame]:
    """The labelled part with its ground truth, where it has returns.

    Arguments as of `pretrain_frames`.

    Raises:
        InputError: There is no labelled frame, or no such box in any.
    """
    chosen = frames[is_labelled(frames, labels, seed)]
    if not len(chosen):
        raise InputError(
            f"labels.fraction: {labels.fraction} of the train frames is not one; raise it"
        )
    seen = ground_truth[has_returns(ground_truth)]
    names = [field.name for field in fields(Boxes3D)]
    boxes = _weighing_one(Boxes3D(**{name: getattr(seen, name) for name in names}))
    result = training_frames(chosen, sweeps, boxes)
    if not _any_box(result):
        raise InputError(
            f"{knob_of(labels)}: no box with LiDAR or radar returns among {len(result)} labelled "
            "frames; use more of them"
        )
    return result


def selftrain_frames(
    labelled: list[TrainingFrame],
    unlabelled: list[TrainingFrame],
    relabels: Boxes3D,
    selftrain: Selftrain,
) -> list[TrainingFrame]:
    """The whole train split: ground truth, repeated, and relabels (appendix B).

    Args:
        labelled: As of `finetune_frames`.
        unlabelled: The other train frames.
        relabels: Boxes in them, from the last round's model.
        selftrain: Which relabels are learned, and how often each labelled frame stands in the
            result.

    Raises:
        InputError: No relabel is an object: its frames would teach that nothing is there.
    """
    paper = selftrain.recipe == "paper"
    boxes = _confident(relabels, selftrain) if paper else _in_bands(relabels, selftrain)
    rows = rows_by_word(boxes.sample_token, [frame.sample_token for frame in unlabelled])
    relabelled = [
        TrainingFrame(frame.sample_token, frame.sweeps, boxes[chosen])
        for frame, chosen in zip(unlabelled, rows, strict=True)
    ]
    if relabelled and not _any_box(relabelled):
        knob = "selftrain.min_label_score" if paper else "selftrain.refine.object_score"
        raise InputError(
            f"{knob}: no relabel of {len(relabelled)} frames is an object; lower it or look into "
            "the model before"
        )
    return labelled * selftrain.labelled_repeats + relabelled


def _confident(relabels: Boxes3D, selftrain: Selftrain) -> Boxes3D:
    """Relabels above the paper's threshold, all alike."""
    return _weighing_one(relabels[relabels.score >= selftrain.min_label_score])


def _in_bands(relabels: Boxes3D, selftrain: Selftrain) -> Boxes3D:
    """Objects with their weights, and boxes too doubtful for either side, which weigh 0."""
    bands = selftrain.refine
    boxes = relabels[relabels.score >= bands.ignore_score]
    weight = boxes.score if bands.weights else np.ones(len(boxes))
    return boxes.replace(score=np.where(boxes.score >= bands.object_score, weight, 0.0))


def training_frames(frames: Frames, sweeps: Sweeps, boxes: Boxes3D) -> list[TrainingFrame]:
    """One training frame per row of `frames`, with its own sweeps and boxes."""
    tokens = frames.sample_token.tolist()
    sweep_rows = rows_by_word(sweeps.sample_token, tokens)
    box_rows = rows_by_word(boxes.sample_token, tokens)
    return [
        TrainingFrame(token, sweeps[of_sweeps], boxes[of_boxes])
        for token, of_sweeps, of_boxes in zip(tokens, sweep_rows, box_rows, strict=True)
    ]


def _weighing_one(boxes: Boxes3D) -> Boxes3D:
    return boxes.replace(score=np.ones(len(boxes)))


def _any_box(frames: list[TrainingFrame]) -> bool:
    return any((frame.boxes.score > 0).any() for frame in frames)


def check_labels(title: str, frames: Iterable[TrainingFrame], needs: Needs) -> list[str]:
    """One line per shortcoming of a training's labels.

    Args:
        title: Name of the training.
        frames: What it learns from; repeated ones count once.
        needs: Classes and range of the detector.

    Returns:
        Lines to print: classes without any object within range, objects out of range, and how many
        boxes are ignored.

    Raises:
        InputError: No object is of the detector's classes, or none of them is within its range.
    """
    different = {frame.sample_token: frame for frame in frames}
    counts = np.zeros((2, len(needs.class_names)), dtype=np.int64)  # beyond the range, within
    ignored = 0
    for frame in different.values():
        boxes = to_sensor(frame.boxes, frame.global_SE3_lidar, needs.class_names)
        learned = boxes.score > 0
        ignored += len(boxes) - int(learned.sum())
        boxes = boxes[learned]
        within = (np.abs(boxes.center_m[:, :2]) < needs.range_m).all(axis=1)
        np.add.at(counts, (within.astype(np.int64), boxes.class_index), 1)
    inside, outside, total = counts[1], int(counts[0].sum()), int(counts.sum())
    if not total:
        raise InputError(
            f"taxonomy: no box that {title} learns from is of its classes; "
            "add some or look into the labels"
        )
    if not inside.any():
        raise InputError(
            f"detector.range_m: all {outside} boxes that {title} learns from are centred "
            f"outside {needs.range_m:g} m; raise it or look into the labels"
        )
    lines = []
    if missing := [n for n, count in zip(needs.class_names, inside, strict=True) if not count]:
        lines.append(
            f"note: {title}: no example of {', '.join(missing)} among {len(different)} frames; "
            "they will not be learned"
        )
    if outside:
        lines.append(
            f"note: {title}: {outside} of {total} boxes are centred outside detector.range_m "
            f"({needs.range_m:g} m) and play no part"
        )
    if ignored:
        lines.append(
            f"note: {title}: {ignored} of {ignored + total} boxes are ignored, neither object nor "
            "background"
        )
    return lines


def class_balanced(
    frames: Sequence[TrainingFrame], class_names: Sequence[str], rng: np.random.Generator
) -> list[TrainingFrame]:
    """Frames drawn with replacement so that each class has as many draws.

    With M pairs of a frame and a class in it, each of C classes that occur draws M / C of its own
    frames: (1 / C) / (its share of the M pairs) times as many as it has. Frames without objects
    are not drawn; boxes of weight 0 are none.

    Args:
        frames: What a training learns from.
        class_names: The classes that count.
        rng: Draws.

    Returns:
        Frames, class by class; none if no class occurs.
    """
    classes = [set(frame.boxes.class_name[frame.boxes.score > 0]) for frame in frames]
    has = np.array([[name in of_frame for name in class_names] for of_frame in classes], dtype=bool)
    rows = [np.flatnonzero(column) for column in has.reshape(-1, len(class_names)).T]
    found = [of_class for of_class in rows if len(of_class)]
    pairs = sum(map(len, found))
    drawn = chain.from_iterable(rng.choice(own, pairs // len(found)) for own in found)
    return [frames[row] for row in drawn]
