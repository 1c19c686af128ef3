"""`python -m benchmarks.fusion.model PRESET`: figures of one model as JSON, in its own process.

A process of its own, because the peak of memory is one of the process.
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
import torch

from benchmarks.detector.waiting import write_frames
from benchmarks.fusion.rig import rig, write_images
from benchmarks.timing import timed
from cm3d.datasets.nuscenes import CARD
from cm3d.detectors.bevfusion import BevFusion
from cm3d.detectors.boxes import SensorBoxes
from cm3d.detectors.cameras.rays import Rays
from cm3d.detectors.cameras.splat import splat
from cm3d.detectors.cameras.view_transform import FEATURE_STRIDE
from cm3d.detectors.inputs import Batch, Sample, collate
from cm3d.execution.devices import choose_device
from cm3d.params import Network, Params, parse_params, read_yaml
from cm3d.sensors.card import Sensors
from cm3d.taxonomy import load_taxonomy
from cm3d.training.images import rig_of
from cm3d.training.loop import Machinery, train
from cm3d.training.recipe import Recipe
from cm3d.training.trainer import Trainer
from experiments.overrides import PARAMS_FILE, with_overrides
from experiments.preset import load_preset

_POINTS: Final = 50_000  # what pillars hold of ten sweeps
_BOXES: Final = 30
_REPEATS: Final = 5
_FRAMES: Final = 12
_EPOCHS: Final = 5


@dataclass(frozen=True)
class Figures:
    """What was measured of one model, on one frame at a time.

    Args:
        parameters: Numbers that it has.
        step_ms: A training step, of a frame that is in memory.
        view_share: The view transform's share of it.
        infer_ms: Finding boxes.
        train_mb: Peak memory of such steps, beyond that of the libraries.
        frames_per_s: Of a training from files, one loader beside it.
        waiting: Its share of time spent waiting for data.
    """

    parameters: int
    step_ms: float
    view_share: float
    infer_ms: float
    train_mb: float
    frames_per_s: float
    waiting: float


def main() -> None:
    """Measure the preset named on the command line."""
    values = with_overrides(read_yaml(PARAMS_FILE), load_preset(sys.argv[1]))
    print(json.dumps(asdict(measured(parse_params(values), choose_device("auto")))))


def measured(params: Params, device: torch.device) -> Figures:
    """Figures of one model."""
    before_mb = peak_mb(device)
    network, rng = params.network, np.random.default_rng(0)
    recipe = Recipe(
        network,
        load_taxonomy(params.taxonomy),
        params.finetune.model_copy(update={"epochs": _EPOCHS}),
        params.training,
        params.seed,
    )
    model = recipe.build().to(device)
    assert isinstance(model, BevFusion)
    trainer, batch = Trainer(model, recipe, 1000), batch_for(network, rng)
    step_ms = timed(synchronous(lambda: trainer.step(batch)), _REPEATS).median_ms
    train_mb = peak_mb(device) - before_mb
    inputs = batch.inputs.to(device)

    def detect() -> None:
        with torch.inference_mode():
            model.eval().detect(inputs, params.predict)

    infer_ms = timed(synchronous(detect), _REPEATS).median_ms
    share = view_share(model, batch.to(device), step_ms) if network.cameras else 0.0
    frames_per_s, waiting = from_files(recipe, device)
    parameters = sum(p.numel() for p in model.parameters())
    return Figures(parameters, step_ms, share, infer_ms, train_mb, frames_per_s, waiting)


def from_files(recipe: Recipe, device: torch.device) -> tuple[float, float]:
    """Frames per second of a training with one loader, and its share of waiting."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        frames = write_frames(folder, _FRAMES, recipe)
        if recipe.detector.cameras is not None:
            frames = [replace(f, cameras=write_images(folder, f.sample_token)) for f in frames]
        machinery = Machinery(device, loaders=1, cached_clouds_gb=1.0)
        model, sensors = recipe.build(), Sensors(folder, CARD.lidar)
        model.rig = rig_of(frames)
        start_s = time.perf_counter()
        trained = train(model, frames, recipe, sensors=sensors, machinery=machinery)
        spent_s = time.perf_counter() - start_s
    return _FRAMES * _EPOCHS / spent_s, trained.waiting


def synchronous(call: Callable[[], object]) -> Callable[[], None]:
    """A call that ends when the device has done its work."""

    def waited() -> None:
        call()
        if torch.cuda.is_available():
            torch.cuda.synchronize()

    return waited


def peak_mb(device: torch.device) -> float:
    """Largest memory so far, of the GPU if it computes, else of the process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated() / 1e6
    # `getrusage` would go on from the peak of the process that started this one
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def view_share(model: BevFusion, batch: Batch, step_ms: float) -> float:
    """Cells, softmax and sums with their gradients, without the convolutions around them."""
    view, images = model.cameras.view, batch.inputs.images
    assert images is not None
    rows, columns = (side // FEATURE_STRIDE for side in images.pixels.shape[-2:])
    pixels = rows * columns * images.pixels.shape[1]
    depths, channels = len(view.depths_m), model.cameras.cameras.bev_channels
    guessed = torch.randn(
        pixels, depths + channels, device=images.pixels.device, requires_grad=True
    )

    def transform() -> None:
        cell = view.cells(Rays.of(images), rows, columns, images.seen).view(-1, depths)
        weight = guessed[:, :depths].softmax(1)
        summed = splat(weight, guessed[:, depths:], cell, view.grid.size**2)
        torch.autograd.grad(summed.sum(), guessed)

    return timed(transform, _REPEATS).median_ms / step_ms


def batch_for(network: Network, rng: np.random.Generator) -> Batch:
    """One frame of random points, boxes and pixels."""
    xyz_m = rng.uniform(-1, 1, (_POINTS, 3)) * [50, 50, 1.5]
    points = np.concatenate([xyz_m, rng.random((_POINTS, 2))], axis=1).astype(np.float32)
    boxes = SensorBoxes(
        class_index=rng.integers(0, 10, _BOXES),
        score=np.ones(_BOXES),
        center_m=rng.uniform(-1, 1, (_BOXES, 3)) * [45, 45, 1],
        size_m=np.tile([4.0, 2.0, 1.5], (_BOXES, 1)),
        yaw_rad=rng.uniform(-3, 3, _BOXES),
        velocity_mps=np.zeros((_BOXES, 2)),
    )
    cameras = network.cameras
    images = None
    if cameras is not None:
        images = rig(cameras.width_px, cameras.height_px).map(lambda values: values[0])
    return collate([Sample("bench", points if network.sees_points else None, boxes, images)])


if __name__ == "__main__":
    main()
