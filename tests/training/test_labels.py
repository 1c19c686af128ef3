from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from cm3d.errors import InputError
from cm3d.params import Labels, Selftrain, load_params
from cm3d.tables import Boxes3D, Frames, GroundTruth, Sweeps
from cm3d.training.labels import (
    finetune_frames,
    inference_frames,
    is_unlabelled,
    pretrain_frames,
    selftrain_frames,
)
from tests.tiny_detector import PROJECT

SEED = 8  # labels come in the order t1, t0, t2
LABELS = Labels(fraction=0.3, draw=0, sampling="uniform", frames_file="data/none")


def _objects(*values: str) -> np.ndarray:
    return np.array(values, dtype=object)


@pytest.fixture
def frames() -> Frames:
    return Frames(
        sample_token=_objects("t0", "t1", "t2", "v0"),
        scene_name=_objects("s", "s", "s", "w"),
        timestamp_us=np.arange(4),
        split=_objects("train", "train", "train", "val"),
        location=_objects("", "", "", ""),
        global_SE3_ego=np.tile([1.0, 0, 0, 0, 0, 0, 0], (4, 1)),
    )


@pytest.fixture
def sweeps() -> Sweeps:
    return Sweeps(
        sample_token=_objects("t0", "t1", "t1", "t2", "v0"),
        sweep_index=np.array([0, 0, 1, 0, 0]),
        path=_objects("a", "b", "c", "d", "e"),
        time_lag_s=np.zeros(5),
        global_SE3_lidar=np.tile([1.0, 0, 0, 0, 0, 0, 0], (5, 1)),
    )


def _boxes(*rows: tuple[str, float]) -> Boxes3D:
    count = len(rows)
    return Boxes3D(
        sample_token=_objects(*(token for token, _ in rows)),
        class_name=_objects(*["car"] * count),
        score=np.array([score for _, score in rows]),
        center_m=np.zeros((count, 3)),
        length_m=np.ones(count),
        width_m=np.ones(count),
        height_m=np.ones(count),
        yaw_rad=np.zeros(count),
        velocity_mps=np.zeros((count, 2)),
        attribute_name=_objects(*[""] * count),
    )


def _ground_truth(*rows: tuple[str, int], radar: Sequence[int] = ()) -> GroundTruth:
    """Boxes with so many LiDAR points; radar returns of the first ones, 0 of the rest."""
    boxes = _boxes(*((token, 1.0) for token, _ in rows))
    columns = {field.name: getattr(boxes, field.name) for field in fields(Boxes3D)}
    return GroundTruth(
        **columns,
        instance_token=_objects(*(str(index) for index in range(len(rows)))),
        num_lidar_points=np.array([points for _, points in rows]),
        num_radar_points=np.array([*radar, *[0] * (len(rows) - len(radar))]),
        visibility=np.zeros(len(rows)),
    )


def _selftrain(**changes: Any) -> Selftrain:
    """Objects from 0.5, ignored from 0.2; the defaults are not asked."""
    section = load_params(PROJECT / "params.yaml").selftrain
    bands = {"object_score": 0.5, "ignore_score": 0.2, "weights": True}
    refine = section.refine.model_copy(update=bands)
    return section.model_copy(update={"recipe": "refined", "refine": refine} | changes)


def _summary(result: list) -> list[tuple[str, int]]:
    return [(frame.sample_token, len(frame.boxes)) for frame in result]


def test_the_unlabelled_part_is_the_rest_of_train(frames: Frames) -> None:
    assert is_unlabelled(frames, LABELS, SEED).tolist() == [True, False, True, False]


def test_pretraining_takes_confident_labels_of_the_unlabelled_part(frames, sweeps) -> None:
    boxes = _boxes(("t0", 0.3), ("t0", 0.2), ("t1", 0.9), ("v0", 0.9))
    result = pretrain_frames(frames, sweeps, boxes, LABELS, SEED, 0.3)
    assert _summary(result) == [("t0", 1), ("t2", 0)]


def test_pretraining_on_no_box_is_refused_in_one_line(frames, sweeps) -> None:
    with pytest.raises(InputError, match=r"pretrain\.min_label_score") as caught:
        pretrain_frames(frames, sweeps, _boxes(("t0", 0.3), ("t1", 0.9)), LABELS, SEED, 0.5)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match=r"labels\.fraction"):
        pretrain_frames(
            frames,
            sweeps,
            _boxes(("t0", 0.3)),
            LABELS.model_copy(update={"fraction": 1.0}),
            SEED,
            0.1,
        )


def test_finetuning_takes_ground_truth_with_points_of_the_labelled_part(frames, sweeps) -> None:
    truth = _ground_truth(("t0", 5), ("t1", 5), ("t1", 0), ("t1", 1), ("v0", 5))
    result = finetune_frames(frames, sweeps, truth, LABELS, SEED)
    assert _summary(result) == [("t1", 2)]
    assert type(result[0].boxes) is Boxes3D
    assert result[0].sweeps.path.tolist() == ["b", "c"]


def test_a_box_counts_if_lidar_or_radar_met_it(frames, sweeps) -> None:
    """As in CenterPoint's annotation files."""
    truth = _ground_truth(("t1", 0), ("t1", 5), ("t1", 5), ("t1", 0), radar=[2, 2, 0, 0])
    truth = truth.replace(yaw_rad=np.array([0.1, 0.2, 0.3, 0.4]))
    result = finetune_frames(frames, sweeps, truth, LABELS, SEED)
    assert result[0].boxes.yaw_rad.tolist() == [0.1, 0.2, 0.3]


def test_finetuning_needs_a_labelled_frame(frames, sweeps) -> None:
    with pytest.raises(InputError, match=r"labels\.fraction"):
        finetune_frames(
            frames,
            sweeps,
            _ground_truth(("t1", 5)),
            LABELS.model_copy(update={"fraction": 0.0}),
            SEED,
        )


def test_selftraining_mixes_repeated_truth_with_predictions(frames, sweeps) -> None:
    labelled = finetune_frames(frames, sweeps, _ground_truth(("t1", 5)), LABELS, SEED)
    unlabelled = inference_frames(frames[is_unlabelled(frames, LABELS, SEED)], sweeps)
    predictions = _boxes(("t0", 0.4), ("t0", 0.1), ("t2", 0.3), ("t1", 0.9))
    section = _selftrain(recipe="paper", min_label_score=0.3, labelled_repeats=2)
    result = selftrain_frames(labelled, unlabelled, predictions, section)
    assert _summary(result) == [("t1", 1), ("t1", 1), ("t0", 1), ("t2", 1)]
    assert [frame.boxes.score.tolist() for frame in result] == [[1.0]] * 4


def test_relabels_fall_into_bands_by_hand(frames, sweeps) -> None:
    labelled = finetune_frames(frames, sweeps, _ground_truth(("t1", 5)), LABELS, SEED)
    unlabelled = inference_frames(frames[is_unlabelled(frames, LABELS, SEED)], sweeps)
    scores = (0.875, 0.5, 0.499, 0.2, 0.199)
    relabels = _boxes(*(("t0", score) for score in scores), ("t2", 0.25), ("t1", 0.9))
    section = _selftrain(labelled_repeats=2)
    result = selftrain_frames(labelled, unlabelled, relabels, section)
    assert _summary(result) == [("t1", 1), ("t1", 1), ("t0", 4), ("t2", 1)]
    assert [frame.boxes.score.tolist() for frame in result] == [
        [1.0],
        [1.0],
        [0.875, 0.5, 0.0, 0.0],
        [0.0],
    ]
    alike = section.model_copy(
        update={"refine": section.refine.model_copy(update={"weights": False})}
    )
    result = selftrain_frames(labelled, unlabelled, relabels, alike)
    assert result[2].boxes.score.tolist() == [1, 1, 0, 0]


def test_pretraining_and_finetuning_weigh_their_boxes_alike(frames, sweeps) -> None:
    boxes = _boxes(("t0", 0.4), ("t2", 0.9))
    result = pretrain_frames(frames, sweeps, boxes, LABELS, SEED, 0.3)
    assert [frame.boxes.score.tolist() for frame in result] == [[1.0], [1.0]]
    truth = _ground_truth(("t1", 5))
    doubted = truth.replace(score=np.array([0.5]))
    assert finetune_frames(frames, sweeps, doubted, LABELS, SEED)[0].boxes.score.tolist() == [1.0]


def test_finetuning_and_each_round_need_an_object(frames, sweeps) -> None:
    unseen = _ground_truth(("t0", 5), ("t1", 0))
    with pytest.raises(InputError, match=r"labels\.fraction: no box .* among 1 labelled frames"):
        finetune_frames(frames, sweeps, unseen, LABELS, SEED)
    unlabelled = inference_frames(frames[is_unlabelled(frames, LABELS, SEED)], sweeps)
    labelled = finetune_frames(frames, sweeps, _ground_truth(("t1", 5)), LABELS, SEED)
    paper = _selftrain(recipe="paper", min_label_score=0.4)
    with pytest.raises(InputError, match=r"selftrain\.min_label_score: no relabel of 2 frames"):
        selftrain_frames(labelled, unlabelled, _boxes(("t0", 0.3)), paper)
    with pytest.raises(InputError, match=r"selftrain\.refine\.object_score: no relabel of 2 "):
        selftrain_frames(labelled, unlabelled, _boxes(("t0", 0.3)), _selftrain())
    everything = selftrain_frames(labelled, [], Boxes3D.empty(), _selftrain())
    assert {frame.sample_token for frame in everything} == {"t1"}
