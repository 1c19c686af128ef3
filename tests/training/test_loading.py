from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from cm3d.detectors.inputs import Batch
from cm3d.detectors.protocol import Needs
from cm3d.errors import InputError
from cm3d.sensors.card import Sensors
from cm3d.training import loading
from cm3d.training.copy_paste import Pasting
from cm3d.training.frames import TrainingFrame, load_points
from cm3d.training.loading import Samples, load_batches, plan_steps
from cm3d.training.object_bank import build_bank
from cm3d.training.recipe import Recipe

RICH = {"flip": True, "max_rotation_rad": 0.5, "max_scale": 0.1}
CPU = torch.device("cpu")


@pytest.fixture
def frames(make_boxes: Callable, make_frame: Callable) -> list[TrainingFrame]:
    tokens = ["a", "bb", "ccc"]
    return [make_frame(make_boxes(token, ("car", 1.0, 2.0, 0.0)), token) for token in tokens]


@pytest.fixture
def batches(sensors: Sensors, needs: Needs) -> Callable[..., list[Batch]]:
    """The batches of a training."""

    def make(frames: list, recipe: Recipe, loaders: int = 0, **options: Any) -> list[Batch]:
        samples = Samples(frames, sensors, needs, recipe, **options)
        return list(load_batches(samples, plan_steps(len(frames), recipe), loaders, CPU))

    return make


def _points(batch: Batch) -> torch.Tensor:
    assert batch.inputs.points is not None
    return batch.inputs.points.values


def test_an_epoch_sees_every_frame_once_in_even_batches(make_recipe) -> None:
    steps = plan_steps(7, make_recipe(epochs=3, batch_size=3))
    assert [step.epoch for step in steps] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert [len(step.positions) for step in steps] == [3, 2, 2] * 3
    for epoch in range(3):
        seen = [p for step in steps if step.epoch == epoch for p in step.positions]
        assert sorted(seen) == list(range(7))
    assert steps[0].positions != steps[3].positions


def test_a_longer_schedule_has_more_epochs(make_recipe) -> None:
    assert plan_steps(4, make_recipe(epochs=2, schedule=3))[-1].epoch == 5


def test_processes_share_each_step(make_recipe, monkeypatch) -> None:
    steps = plan_steps(7, make_recipe(batch_size=4))
    monkeypatch.setattr(loading, "ranks", lambda: 2)
    shares = []
    for number in (0, 1):
        monkeypatch.setattr(loading, "rank", lambda number=number: number)
        shares.append([step.keys() for step in steps])
    for step, first, second in zip(steps, *shares, strict=True):
        assert first + second == [(step.epoch, position) for position in step.positions]
    with pytest.raises(InputError, match=r"execution\.trainers: 2 processes cannot share .* of 1"):
        plan_steps(7, make_recipe(batch_size=1))


def test_randomness_follows_seed_and_epoch(frames, batches, make_recipe) -> None:
    first, again, other_seed = (
        batches(frames, make_recipe(seed=seed, **RICH)) for seed in (0, 0, 1)
    )
    assert len(first) == 4  # two epochs of two batches
    assert all(torch.equal(_points(a), _points(b)) for a, b in zip(first, again, strict=True))
    centres = [
        torch.cat([b.labels.boxes.center_m for b in part]) for part in (first[:2], first[2:])
    ]
    assert not torch.equal(*centres)
    assert not torch.equal(first[0].labels.boxes.center_m, other_seed[0].labels.boxes.center_m)


def test_the_number_of_loaders_changes_nothing(frames, batches, make_recipe) -> None:
    recipe = make_recipe(**RICH)
    pairs = zip(
        batches(frames, recipe),
        batches(frames, recipe, loaders=2),
        strict=True,
    )
    for here, elsewhere in pairs:
        assert here.tokens == elsewhere.tokens
        assert torch.equal(_points(here), _points(elsewhere))
        assert torch.equal(here.labels.boxes.yaw_rad, elsewhere.labels.boxes.yaw_rad)


def test_a_frame_that_is_repeated_is_augmented_anew(frames, batches, make_recipe) -> None:
    batch, *_ = batches(frames[:1] * 2, make_recipe(**RICH))
    assert not torch.equal(batch.labels.boxes.center_m[0], batch.labels.boxes.center_m[1])


def test_objects_are_pasted_before_the_augmentation(
    frames, make_boxes, make_frame, sensors, needs, make_recipe, monkeypatch
) -> None:
    frame = make_frame(make_boxes("d", ("car", -8.0, -8.0, 0.0)), "d")
    bank = build_bank([frame], sensors=sensors, needs=needs, min_points=5, folder=None)
    pasting = Pasting(bank, np.full(3, 2))
    mirror = loading.Augmentation(True, False, 0.0, 1.0, np.zeros(3))
    monkeypatch.setattr(loading.Augmentation, "draw", lambda *_: mirror)
    plain = Samples(frames, sensors, needs, make_recipe())[0, 0]
    pasted = Samples(frames, sensors, needs, make_recipe(), pasting)[0, 0]
    # mirrored with the scene: the frame's car to x = -1, the pasted one to x = 8
    np.testing.assert_allclose(pasted.boxes.center_m[:, :2], [[-1, 2], [8, -8]], atol=1e-6)
    mirrored = bank.points * np.array([-1, 1, 1, 1, 1], dtype=np.float32)
    assert set(map(tuple, mirrored[:5])) <= set(map(tuple, pasted.points))
    assert len(pasted.points) <= len(plain.points) + len(bank.points)


def test_pasting_leaves_the_augmentation_as_it_was(
    frames, batches, sensors, needs, make_recipe
) -> None:
    empty = build_bank([], sensors=sensors, needs=needs, min_points=5, folder=None)
    pasting = Pasting(empty, np.full(3, 2))
    recipe = make_recipe(**RICH)
    pairs = zip(
        batches(frames, recipe),
        batches(frames, recipe, pasting=pasting),
        strict=True,
    )
    assert all(torch.equal(_points(plain), _points(pasted)) for plain, pasted in pairs)


@pytest.mark.parametrize("loaders", [0, 1])
def test_a_keyframe_without_points_is_named(
    frames, batches, tmp_path, make_recipe, loaders
) -> None:
    for index in range(2):
        (tmp_path / f"bb_{index}.bin").write_bytes(b"")
    with pytest.raises(InputError, match=r"^keyframe bb: no LiDAR point .*bb_0\.bin"):
        batches(frames, make_recipe(), loaders)


@pytest.mark.parametrize("loaders", [0, 1])
def test_a_missing_sweep_is_named_in_one_line(
    frames, batches, tmp_path, make_recipe, loaders
) -> None:
    (tmp_path / "bb_1.bin").unlink()
    with pytest.raises(InputError, match=r"bb_1\.bin") as caught:
        batches(frames, make_recipe(), loaders)
    assert "\n" not in str(caught.value)


def test_who_sees_no_points_reads_none(frames, sensors, needs, tmp_path, make_recipe) -> None:
    for sweep in tmp_path.glob("*.bin"):
        sweep.unlink()
    samples = Samples(frames, sensors, replace(needs, points=False), make_recipe())
    (batch, *_) = load_batches(samples, plan_steps(len(frames), make_recipe()), 0, CPU)
    assert batch.inputs.points is None


def test_clouds_are_kept_as_long_as_there_is_room(
    frames, sensors, needs, make_recipe, monkeypatch
) -> None:
    read: list[str] = []

    def reading(frame: TrainingFrame, *rest: Any) -> Any:
        read.append(frame.sample_token)
        return load_points(frame, *rest)

    monkeypatch.setattr(loading, "load_points", reading)
    size = load_points(frames[0], sensors, needs).nbytes
    samples = Samples(frames, sensors, needs, make_recipe(**RICH), cache_bytes=2 * size)
    keys = [(epoch, position) for epoch in range(2) for position in range(3)]
    first = [samples[key] for key in keys]
    assert read == ["a", "bb", "ccc", "ccc"]  # all clouds are of one size
    plain = Samples(frames, sensors, needs, make_recipe(**RICH))
    for key, sample in zip(keys, first, strict=True):
        np.testing.assert_array_equal(sample.points, plain[key].points)
