from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from cm3d.errors import InputError
from cm3d.params import Detector, Schedule
from cm3d.training import loop
from cm3d.training.inference import predict
from cm3d.training.loop import TrainedModel, train

CPU = torch.device("cpu")


@pytest.fixture
def frames(make_boxes: Callable, make_frame: Callable) -> list:
    turned = (np.cos(0.5), 0, 0, np.sin(0.5), 100.0, 200.0, 0.0)
    first = make_boxes("a", ("car", 4.0, 5.0, 0.3), ("pedestrian", -5.0, 2.0, 1.0))
    second = make_boxes("b", ("car", 96.0, 203.0, 2.0), ("traffic_cone", 105.0, 196.0, 0.0))
    return [make_frame(first, "a"), make_frame(second, "b", turned)]


def _train(frames: list, root: Path, detector: Detector, schedule: Schedule, **options):
    return train(
        frames,
        root=root,
        detector=detector,
        schedule=schedule,
        **{"seed": 3, "device": CPU} | options,
    )


def _same_weights(first: TrainedModel, second: TrainedModel) -> bool:
    pairs = zip(first.model.state_dict().values(), second.model.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_an_overfitted_detector_finds_its_boxes(frames, tmp_path, detector, schedule):
    long = schedule.model_copy(update={"epochs": 120})
    trained = _train(frames, tmp_path, detector, long)
    found = predict(trained.model, frames, root=tmp_path, detector=detector, device=CPU)
    found = found[found.score > 0.4]

    assert sorted(zip(found.sample_token, found.class_name, strict=True)) == [
        ("a", "car"),
        ("a", "pedestrian"),
        ("b", "car"),
        ("b", "traffic_cone"),
    ]
    for frame in frames:
        for row in range(len(frame.boxes)):
            truth = frame.boxes[row : row + 1]
            match = found[
                (found.sample_token == frame.sample_token)
                & (found.class_name == truth.class_name[0])
            ]
            assert np.linalg.norm(match.center_m[0] - truth.center_m[0]) < 0.5
            assert match.length_m[0] == pytest.approx(truth.length_m[0], rel=0.2)
            assert np.cos(match.yaw_rad[0] - truth.yaw_rad[0]) > 0.9
            assert np.linalg.norm(match.velocity_mps[0] - truth.velocity_mps[0]) < 0.3
    assert set(found.attribute_name) == {"vehicle.moving", "pedestrian.moving", ""}


def test_the_same_seed_gives_the_same_bytes(frames, tmp_path, detector, schedule):
    rich = schedule.model_copy(update={"flip": True, "max_rotation_rad": 0.4})
    first, again = (_train(frames, tmp_path, detector, rich) for _ in range(2))
    assert _same_weights(first, again)
    assert first.history == again.history
    assert not _same_weights(first, _train(frames, tmp_path, detector, rich, seed=4))


def test_the_history_has_a_row_per_step(frames, tmp_path, detector, schedule):
    single = schedule.model_copy(update={"epochs": 5, "batch_size": 1})
    history = _train(frames, tmp_path, detector, single).history
    assert [row["epoch"] for row in history] == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert [row["step"] for row in history] == list(range(10))
    assert history[0]["lr"] == pytest.approx(schedule.max_lr / 10)
    assert max(row["lr"] for row in history) == pytest.approx(schedule.max_lr)
    terms = {name: value for name, value in history[0].items() if "/" in name}
    assert len(terms) == 4
    assert sum(terms.values()) == pytest.approx(history[0]["loss"], rel=1e-5)


class _Killed(Exception):
    """What the process manager does, as an exception."""


@pytest.mark.parametrize("epochs_before", [1, 2])
def test_a_killed_training_goes_on_to_the_same_bytes(
    frames, tmp_path, detector, schedule, monkeypatch, epochs_before
):
    rich = schedule.model_copy(update={"epochs": 3, "flip": True})
    through = _train(frames, tmp_path, detector, rich)
    folder = tmp_path / "resume"
    read = loop.epoch_batches

    def killed(*args, epoch, **options):
        if epoch == epochs_before:
            raise _Killed
        return read(*args, epoch=epoch, **options)

    with monkeypatch.context() as patch, pytest.raises(_Killed):
        patch.setattr(loop, "epoch_batches", killed)
        _train(frames, tmp_path, detector, rich, resume_folder=folder)
    assert [path.name for path in folder.iterdir()] == ["training.pt"]

    seen = []
    monkeypatch.setattr(
        loop,
        "epoch_batches",
        lambda *a, epoch, **o: seen.append(epoch) or read(*a, epoch=epoch, **o),
    )
    resumed = _train(frames, tmp_path, detector, rich, resume_folder=folder)
    assert seen == list(range(epochs_before, 3))
    assert _same_weights(through, resumed)
    assert through.history == resumed.history
    assert not list(folder.iterdir())


def test_another_trainings_state_is_ignored(frames, tmp_path, detector, schedule, monkeypatch):
    through = _train(frames, tmp_path, detector, schedule, seed=4)
    with monkeypatch.context() as patch:
        patch.setattr(loop.ResumeFile, "remove", lambda self: None)
        _train(frames, tmp_path, detector, schedule, seed=3, resume_folder=tmp_path / "resume")
    other = _train(frames, tmp_path, detector, schedule, seed=4, resume_folder=tmp_path / "resume")
    assert _same_weights(through, other)


def test_training_starts_from_the_weights_handed_in(frames, tmp_path, detector, schedule):
    first = _train(frames, tmp_path, detector, schedule)
    tiny = schedule.model_copy(update={"max_lr": 1e-9, "epochs": 1})
    initial = first.model.state_dict()
    second = _train(frames, tmp_path, detector, tiny, initial=initial)
    name = "backbone.blocks.0.0.0.weight"
    torch.testing.assert_close(second.model.state_dict()[name], initial[name])


def test_frames_without_boxes_train(make_boxes, make_frame, tmp_path, detector, schedule):
    full = make_frame(make_boxes("a", ("car", 4.0, 5.0, 0.3)), "a")
    bare = make_frame(make_boxes("b"), "b")
    for frames in ([full, bare], [bare]):
        trained = _train(frames, tmp_path, detector, schedule)
        assert all(np.isfinite(row["loss"]) for row in trained.history)


def test_a_diverging_loss_stops_in_one_line(frames, tmp_path, detector, schedule):
    initial = loop.build_centerpoint(detector, 0).state_dict()
    initial["head.final.0.bias"] = torch.full_like(initial["head.final.0.bias"], torch.nan)
    with pytest.raises(InputError, match=r"diverged at step 0 .*heatmap/car nan") as caught:
        _train(frames, tmp_path, detector, schedule, initial=initial)
    assert "\n" not in str(caught.value)
    assert "max_lr" in str(caught.value)
