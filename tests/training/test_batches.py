import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cm3d.errors import InputError
from cm3d.models.sensor_boxes import SensorBoxes
from cm3d.params import CopyPaste, Detector, Schedule
from cm3d.tables.vocabulary import CLASS_NAMES
from cm3d.training.augmentation import Augmentation
from cm3d.training.bank_files import build_bank
from cm3d.training.batches import collate, epoch_batches, load_sample, read_ahead
from cm3d.training.copy_paste import Pasting
from cm3d.training.frames import TrainingFrame
from cm3d.training.targets import make_targets

RICH = {"flip": True, "max_rotation_rad": 0.5, "max_scale": 0.1}


@pytest.fixture
def frames(make_boxes: Callable, make_frame: Callable) -> list[TrainingFrame]:
    tokens = ["a", "bb", "ccc"]
    return [make_frame(make_boxes(token, ("car", 1.0, 2.0, 0.0)), token) for token in tokens]


def test_ragged_rows_know_their_frame(detector: Detector) -> None:
    def boxes(count: int) -> SensorBoxes:
        return SensorBoxes(
            np.zeros(count, np.int64),
            np.ones(count),
            np.zeros((count, 3)),
            np.ones((count, 3)),
            np.zeros(count),
            np.zeros((count, 2)),
        )

    samples = [
        (np.full((points, 5), points, np.float32), make_targets(boxes(count), detector))
        for points, count in ((2, 1), (0, 2), (3, 0))
    ]
    batch = collate(samples)
    assert batch.point_frame.tolist() == [0, 0, 2, 2, 2]
    assert batch.points[:, 0].tolist() == [2, 2, 3, 3, 3]
    assert batch.box_frame.tolist() == [0, 1, 1]
    assert batch.heatmap.shape == (3, 3, 32, 32)
    assert batch.code.shape == (3, 10)


def _batches(frames: list, root: Path, detector: Detector, schedule: Schedule, **keys: Any):
    options = {"seed": 0, "epoch": 0} | keys
    return list(epoch_batches(frames, root=root, detector=detector, schedule=schedule, **options))


def test_an_epoch_sees_every_frame_once_in_even_batches(frames, tmp_path, detector, schedule):
    batches = _batches(frames, tmp_path, detector, schedule)
    assert [len(batch.heatmap) for batch in batches] == [2, 1]
    assert [len(batch.code) for batch in batches] == [2, 1]
    sums = sorted(float(b.points[b.point_frame == f].sum()) for b in batches for f in (0, 1))[:3]
    assert len(set(sums)) == 3


def test_randomness_follows_seed_and_epoch(frames, tmp_path, detector, schedule):
    rich = schedule.model_copy(update=RICH)
    first, again, other_epoch, other_seed = (
        _batches(frames, tmp_path, detector, rich, **keys)
        for keys in ({}, {}, {"epoch": 1}, {"seed": 1})
    )
    assert all(torch.equal(a.points, b.points) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0].code, other_epoch[0].code)
    assert not torch.equal(first[0].code, other_seed[0].code)


def test_a_frame_that_is_repeated_is_augmented_anew(frames, tmp_path, detector, schedule):
    rich = schedule.model_copy(update=RICH)
    (batch,) = _batches(frames[:1] * 2, tmp_path, detector, rich)
    assert not torch.equal(batch.code[0], batch.code[1])


def test_objects_are_pasted_before_the_augmentation(
    frames, make_boxes, make_frame, tmp_path, detector, schedule
) -> None:
    frame = make_frame(make_boxes("d", ("car", -8.0, -8.0, 0.0)), "d")
    bank = build_bank([frame], root=tmp_path, detector=detector, min_points=5, folder=None)
    objects = dict.fromkeys(CLASS_NAMES, 2)
    pasting = Pasting(bank, CopyPaste(objects=objects, min_points=5))
    augmentation = Augmentation(True, False, 0.0, 1.0, np.zeros(3))
    arguments = frames[0], tmp_path, detector, augmentation, np.random.default_rng(0)
    plain_points, _ = load_sample(*arguments)
    points, targets = load_sample(*arguments, pasting)
    # mirrored with the scene: the frame's car to x = -1, the pasted one to x = 8; cells of 0.8 m
    cells = sorted(zip(targets.column.tolist(), targets.row.tolist(), strict=True))
    assert cells == [(14, 18), (26, 6)]
    np.testing.assert_array_equal(points[-len(bank.points) :, 0], -bank.points[:, 0])
    assert len(points) <= len(plain_points) + len(bank.points)


def test_pasting_leaves_the_augmentation_as_it_was(frames, tmp_path, detector, schedule) -> None:
    rich = schedule.model_copy(update=RICH)
    empty = build_bank([], root=tmp_path, detector=detector, min_points=5, folder=None)
    pasting = Pasting(empty, CopyPaste(objects=dict.fromkeys(CLASS_NAMES, 2), min_points=5))
    pairs = zip(
        _batches(frames, tmp_path, detector, rich),
        _batches(frames, tmp_path, detector, rich, pasting=pasting),
        strict=True,
    )
    assert all(torch.equal(plain.points, pasted.points) for plain, pasted in pairs)


def test_a_keyframe_without_points_is_named(frames, tmp_path, detector, schedule) -> None:
    for index in range(2):
        (tmp_path / f"bb_{index}.bin").write_bytes(b"")
    with pytest.raises(InputError, match=r"keyframe bb: no LiDAR point .*bb_0\.bin"):
        _batches(frames, tmp_path, detector, schedule)


def test_a_missing_sweep_is_named(frames, tmp_path, detector, schedule):
    (tmp_path / "bb_1.bin").unlink()
    with pytest.raises(InputError, match=r"bb_1\.bin"):
        _batches(frames, tmp_path, detector, schedule)


def test_reading_ahead_keeps_the_order() -> None:
    def build(index: int) -> int:
        time.sleep(0.01 * (index % 3 == 0))
        return index

    assert list(read_ahead(build, 7)) == list(range(7))
    assert list(read_ahead(build, 0)) == []
