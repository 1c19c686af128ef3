import dataclasses
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch

from cm3d.detectors.inputs import Batch
from cm3d.errors import InputError
from cm3d.execution.files import read_sealed
from cm3d.sensors.card import Sensors
from cm3d.training.inference import predict
from cm3d.training.loop import Machinery, TrainedModel, train
from cm3d.training.recipe import Recipe
from cm3d.training.trainer import Trainer
from tests.tiny_detector import sensors_at, tiny_predict, tiny_taxonomy

CPU = torch.device("cpu")


@pytest.fixture
def frames(make_boxes: Callable, make_frame: Callable) -> list:
    turned = (np.cos(0.5), 0, 0, np.sin(0.5), 100.0, 200.0, 0.0)
    first = make_boxes("a", ("car", 4.0, 5.0, 0.3), ("pedestrian", -5.0, 2.0, 1.0))
    second = make_boxes("b", ("car", 96.0, 203.0, 2.0), ("traffic_cone", 105.0, 196.0, 0.0))
    return [make_frame(first, "a"), make_frame(second, "b", turned)]


def _train(frames: list, root: Path, recipe: Recipe, resume_folder=None, initial=None):
    machinery = Machinery(CPU, resume_folder=resume_folder, checkpoint_s=0.0)
    model = recipe.build()
    if initial is not None:
        model.load_state_dict(initial)
    return train(model, frames, recipe, sensors=sensors_at(root), machinery=machinery)


def _same_weights(first: TrainedModel, second: TrainedModel) -> bool:
    pairs = zip(first.model.state_dict().values(), second.model.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_an_overfitted_detector_finds_its_boxes(frames, tmp_path, sensors: Sensors, make_recipe):
    trained = _train(frames, tmp_path, make_recipe(seed=3, epochs=120))
    found = predict(
        trained.model,
        frames,
        sensors=sensors,
        taxonomy=tiny_taxonomy(),
        chosen=tiny_predict(),
        device=CPU,
    ).table
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


def test_the_same_seed_gives_the_same_bytes(frames, tmp_path, make_recipe):
    rich = {"flip": True, "max_rotation_rad": 0.4}
    first, again, other = (
        _train(frames, tmp_path, make_recipe(seed=seed, **rich)) for seed in (3, 3, 4)
    )
    assert _same_weights(first, again)
    assert first.history == again.history
    assert not _same_weights(first, other)


def test_the_history_has_a_row_per_step(frames, tmp_path, schedule, make_recipe):
    history = _train(frames, tmp_path, make_recipe(epochs=5, batch_size=1)).history
    assert [row["epoch"] for row in history] == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert [row["step"] for row in history] == list(range(10))
    assert history[0]["lr"] == pytest.approx(schedule.max_lr / 10)
    assert max(row["lr"] for row in history) == pytest.approx(schedule.max_lr)
    assert history[0]["gradient"] > 0
    terms = {name: value for name, value in history[0].items() if "/" in name}
    assert len(terms) == 4
    assert sum(terms.values()) == pytest.approx(history[0]["loss"], rel=1e-5)


class _Killed(Exception):
    """What the process manager does, as an exception."""


@pytest.mark.parametrize("ema_decay", [0.0, 0.5])
@pytest.mark.parametrize("steps_before", [1, 2, 5])
def test_a_training_killed_at_any_step_goes_on_to_the_same_bytes(
    frames, tmp_path, make_recipe, monkeypatch, capsys, steps_before, ema_decay
):
    recipe = make_recipe(epochs=3, batch_size=1, flip=True, ema_decay=ema_decay)  # 6 steps
    through = _train(frames, tmp_path, recipe)
    folder, step = tmp_path / "resume", Trainer.step

    def killed(trainer: Trainer, batch: Batch) -> dict[str, float]:
        if trainer.scheduler.last_epoch == steps_before:
            raise _Killed
        return step(trainer, batch)

    with monkeypatch.context() as patch, pytest.raises(_Killed):
        patch.setattr(Trainer, "step", killed)
        _train(frames, tmp_path, recipe, folder)
    assert [path.name for path in folder.iterdir()] == ["training.pt"]
    assert "note: " not in capsys.readouterr().out

    seen = []
    monkeypatch.setattr(Trainer, "step", lambda t, batch: seen.append(1) or step(t, batch))
    resumed = _train(frames, tmp_path, recipe, folder)
    assert len(seen) == 6 - steps_before
    epoch = (steps_before + 1) // 2
    note = f"note: train: goes on after step {steps_before} of 6, in epoch {epoch} of 3\n"
    assert capsys.readouterr().out == note
    assert _same_weights(through, resumed)
    assert through.history == resumed.history
    again = _train(frames, tmp_path, recipe, folder)  # nothing is left to do
    assert len(seen) == 6 - steps_before
    assert _same_weights(through, again)


def test_another_trainings_state_is_ignored(frames, tmp_path, make_recipe):
    through = _train(frames, tmp_path, make_recipe(seed=4))
    _train(frames, tmp_path, make_recipe(seed=3), tmp_path / "resume")
    other = _train(frames, tmp_path, make_recipe(seed=4), tmp_path / "resume")
    assert _same_weights(through, other)


def test_training_starts_from_the_weights_handed_in(frames, tmp_path, make_recipe):
    first = _train(frames, tmp_path, make_recipe())
    initial = first.model.state_dict()
    second = _train(frames, tmp_path, make_recipe(max_lr=1e-9, epochs=1), initial=initial)
    name = "backbone.blocks.0.0.0.weight"
    torch.testing.assert_close(second.model.state_dict()[name], initial[name])


def test_averaged_weights_are_kept(frames, tmp_path, make_recipe, monkeypatch):
    name, seen, step = "backbone.blocks.0.0.0.weight", [], Trainer.step

    def watched(trainer: Trainer, batch: Batch) -> dict[str, float]:
        figures = step(trainer, batch)
        seen.append(trainer.model.state_dict()[name].clone())
        return figures

    monkeypatch.setattr(Trainer, "step", watched)
    trained = _train(frames, tmp_path, make_recipe(epochs=3, ema_decay=0.75))
    first, second, third = seen
    expected = 0.75 * (0.75 * first + 0.25 * second) + 0.25 * third
    torch.testing.assert_close(trained.model.state_dict()[name], expected)


def test_frames_without_boxes_train(make_boxes, make_frame, tmp_path, make_recipe):
    full = make_frame(make_boxes("a", ("car", 4.0, 5.0, 0.3)), "a")
    bare = make_frame(make_boxes("b"), "b")
    for frames in ([full, bare], [bare]):
        trained = _train(frames, tmp_path, make_recipe())
        assert all(np.isfinite(row["loss"]) for row in trained.history)


def test_a_diverging_loss_stops_in_one_line(frames, tmp_path, make_recipe):
    initial = make_recipe().build().state_dict()
    initial["head.final.0.bias"] = torch.full_like(initial["head.final.0.bias"], torch.nan)
    with pytest.raises(InputError, match=r"diverged at step 0 .*heatmap/car nan") as caught:
        _train(frames, tmp_path, make_recipe(), initial=initial)
    message = str(caught.value)
    assert "\n" not in message
    for part in ("keyframes", "a", "b", "max_lr", "no earlier state was kept"):
        assert part in message


def test_divergence_keeps_the_last_good_state(frames, tmp_path, make_recipe, monkeypatch):
    recipe, folder = make_recipe(epochs=3), tmp_path / "resume"
    terms = Trainer._loss_terms

    def poisoned(trainer: Trainer, batch: Batch) -> dict[str, torch.Tensor]:
        factor = float("nan") if trainer.scheduler.last_epoch == 2 else 1.0
        return {name: term * factor for name, term in terms(trainer, batch).items()}

    with monkeypatch.context() as patch, pytest.raises(InputError, match="diverged at step 2"):
        patch.setattr(Trainer, "_loss_terms", poisoned)
        _train(frames, tmp_path, recipe, folder)
    kept = read_sealed(folder / "training.pt")
    assert kept is not None
    state = torch.load(BytesIO(kept), weights_only=True)
    assert len(state["history"]) == 2
    assert all(value.isfinite().all() for value in state["states"]["model"].values())
    assert _same_weights(_train(frames, tmp_path, recipe, folder), _train(frames, tmp_path, recipe))


def test_voxels_train_too(frames, tmp_path, detector, make_recipe):
    voxels = detector.model_copy(
        update={
            "encoder": "voxels",
            "cell_m": 0.2,
            "sparse_channels": [4, 4, 8, 8],
            "block_strides": [1, 2],
        }
    )
    recipe = dataclasses.replace(make_recipe(epochs=8), detector=voxels)
    first, again = (_train(frames, tmp_path, recipe) for _ in range(2))
    assert _same_weights(first, again)
    assert first.history[-1]["loss"] < first.history[0]["loss"]
