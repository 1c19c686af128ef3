"""A model in a group of processes; what a step does is tested with the loop."""

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel

from cm3d.detectors.protocol import Detector
from cm3d.sensors.card import Sensors
from cm3d.tables import Boxes3D
from cm3d.training.frames import TrainingFrame
from cm3d.training.loop import Machinery, train
from cm3d.training.recipe import Recipe
from cm3d.training.trainer import Trainer


@pytest.fixture
def group(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A group of this process alone, which takes itself for one of two."""
    distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
    monkeypatch.setattr("cm3d.training.trainer.ranks", lambda: 2)
    yield
    distributed.destroy_process_group()


@pytest.mark.usefixtures("group")
def test_a_model_is_shared_without_a_warning(
    model: Detector, make_recipe: Callable[..., Recipe]
) -> None:
    """Warnings are errors here; normalisation keeps its own figures alike."""
    network = Trainer(model, make_recipe(), steps=2).network
    assert isinstance(network, DistributedDataParallel)
    assert not network.forward_sync_buffers


@pytest.mark.usefixtures("group")
def test_a_shared_model_learns_without_a_warning(
    make_boxes: Callable[..., Boxes3D],
    make_frame: Callable[..., TrainingFrame],
    make_recipe: Callable[..., Recipe],
    sensors: Sensors,
    capfd: pytest.CaptureFixture[str],
) -> None:
    frames = [make_frame(make_boxes(name, ("car", 4.0, 5.0, 0.3)), name) for name in "ab"]
    recipe, machinery = make_recipe(epochs=2), Machinery(torch.device("cpu"))
    trained = train(recipe.build(), frames, recipe, sensors=sensors, machinery=machinery)
    assert len(trained.history) == 2
    assert "arning" not in capfd.readouterr().err
