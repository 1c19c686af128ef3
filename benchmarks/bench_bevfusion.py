"""BEVFusion: its view transform beside LSS as usually written, and its training steps by part.

The peer builds the outer product of depths and channels and adds its rows up by `index_add`. Both
get the same numbers, and their sums and gradients are compared first.
"""

import resource
from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from benchmarks.timing import timed
from cm3d.detectors.bevfusion import BevFusion
from cm3d.detectors.boxes import SensorBoxes
from cm3d.detectors.cameras.rays import Rays
from cm3d.detectors.cameras.splat import splat
from cm3d.detectors.cameras.view_transform import FEATURE_STRIDE
from cm3d.detectors.inputs import Batch, Images, Sample, collate
from cm3d.execution.devices import choose_device, usable_cores
from cm3d.params import Network, Params, load_params, parse_params, read_yaml
from cm3d.taxonomy import load_taxonomy
from cm3d.training.recipe import Recipe
from cm3d.training.trainer import Trainer
from experiments.overrides import PARAMS_FILE, with_overrides
from experiments.preset import load_preset

_CAMERAS: Final = 6
_POINTS: Final = 50_000  # what pillars hold of ten sweeps
_BOXES: Final = 30
_REPEATS: Final = 5


class Case(NamedTuple):
    """Numbers for a view transform."""

    name: str
    weight: Tensor
    features: Tensor
    cell: Tensor
    cells: int


def main() -> None:
    """Measure and print both tables."""
    device, console = choose_device("auto"), Console(width=110)
    rng = np.random.default_rng(0)
    cases = [
        case_of("small", load_params().bevfusion.cameras.depths, (16, 44), 32, 128, rng),
        case_of("published", 118, (32, 88), 80, 360, rng),
    ]
    console.print(transform_table([on(case, device) for case in cases], device))
    console.print(steps_table(device, rng))


def case_of(
    name: str,
    depths: int,
    shape: tuple[int, int],
    channels: int,
    side: int,
    rng: np.random.Generator,
) -> Case:
    """Six cameras around the LiDAR, whose pixels see as far as the depths go."""
    params = load_params().bevfusion.cameras
    images = rig(shape[1] * FEATURE_STRIDE, shape[0] * FEATURE_STRIDE)
    rays, extent_m = Rays.of(images), 102.4
    v, u = np.mgrid[: shape[0], : shape[1]]
    pixels = torch.from_numpy(np.stack([u.ravel(), v.ravel()], 1)).float() * FEATURE_STRIDE
    depth_m = torch.linspace(params.first_depth_m, params.last_depth_m, depths)
    index = torch.floor((rays.at(pixels, depth_m)[..., :2] / extent_m + 0.5) * side).long()
    inside = ((index >= 0) & (index < side)).all(-1)
    cell = torch.where(inside, index[..., 1] * side + index[..., 0], -1).view(-1, depths)
    weight = torch.from_numpy(rng.random(cell.shape)).float().softmax(1)
    features = torch.from_numpy(rng.normal(size=(len(cell), channels))).float()
    return Case(name, weight, features, cell, side**2)


def on(case: Case, device: torch.device) -> Case:
    """A copy on the device, whose gradients are wanted."""
    weight, features = (x.to(device).requires_grad_() for x in (case.weight, case.features))
    return case._replace(weight=weight, features=features, cell=case.cell.to(device))


def outer_product(weight: Tensor, features: Tensor, cell: Tensor, cells: int) -> Tensor:
    """The peer: every pixel's features at every depth, then added up by cell."""
    spread = (weight[:, :, None] * features[:, None]).flatten(0, 1)
    flat = torch.where(cell < 0, cells, cell).flatten()
    return spread.new_zeros(cells + 1, spread.shape[1]).index_add(0, flat, spread)[:cells]


def transform_table(cases: list[Case], device: torch.device) -> Table:
    """Forward and backward of both."""
    table = Table(title=f"view transform, forward and backward, {where(device)}")
    for heading in ("shape", "pixels", "depths", "channels", "ours ms", "index_add ms", "times"):
        table.add_column(heading, justify="left" if heading == "shape" else "right")
    for case in cases:
        results = [there_and_back(way, case) for way in (splat, outer_product)]
        for ours, theirs in zip(*results, strict=True):
            torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)
        ours_ms, theirs_ms = (
            timed(partial(there_and_back, way, case), _REPEATS).median_ms
            for way in (splat, outer_product)
        )
        table.add_row(
            case.name,
            f"{len(case.weight):,}",
            str(case.weight.shape[1]),
            str(case.features.shape[1]),
            f"{ours_ms:.1f}",
            f"{theirs_ms:.1f}",
            f"{theirs_ms / ours_ms:.1f}",
        )
    return table


def there_and_back(
    way: Callable[[Tensor, Tensor, Tensor, int], Tensor], case: Case
) -> tuple[Tensor, ...]:
    """The map and the gradients of the sum of its squares."""
    summed = way(case.weight, case.features, case.cell, case.cells)
    gradients = torch.autograd.grad(summed.square().sum() / 2, (case.weight, case.features))
    if summed.is_cuda:
        torch.cuda.synchronize()
    return summed, *gradients


def steps_table(device: torch.device, rng: np.random.Generator) -> Table:
    """Training step and inference of each modality, and the view transform's share of a step."""
    table = Table(title=f"one frame, small shape, {where(device)}")
    headings = (
        "sensors",
        "parameters",
        "step ms",
        "of it view transform",
        "inference ms",
        "peak MB",
    )
    for heading in headings:
        table.add_column(heading, justify="left" if heading == "sensors" else "right")
    for preset in ("bevfusion_small_l", "bevfusion_small_c", "bevfusion_small"):
        params = parse_params(with_overrides(read_yaml(PARAMS_FILE), load_preset(preset)))
        table.add_row(*row_of(params, device, rng))
    return table


def row_of(params: Params, device: torch.device, rng: np.random.Generator) -> list[str]:
    """One modality."""
    taxonomy, network = load_taxonomy(params.taxonomy), params.network
    recipe = Recipe(network, taxonomy, params.finetune, params.training, params.seed)
    model = recipe.build().to(device)
    assert isinstance(model, BevFusion)
    trainer, batch = Trainer(model, recipe, 1000), batch_for(network, rng)
    step_ms = timed(lambda: trainer.step(batch), _REPEATS).median_ms
    share = view_share(model, batch.to(device), step_ms) if network.cameras else 0.0
    inputs = batch.inputs.to(device)

    def detect() -> None:
        with torch.inference_mode():
            model.eval().detect(inputs, params.predict)

    return [
        str(network.bevfusion and network.bevfusion.modality),
        f"{sum(p.numel() for p in model.parameters()) / 1e6:.2f} M",
        f"{step_ms:.0f}",
        f"{share:.1%}",
        f"{timed(detect, _REPEATS).median_ms:.0f}",
        f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f}",
    ]


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


def rig(width_px: int, height_px: int) -> Images:
    """A batch of one frame of six cameras, 60 degrees apart, with a field of view of 70."""
    focal_px = width_px / 2 / np.tan(np.radians(35))
    intrinsics_px = np.array([[focal_px, 0, width_px / 2], [0, focal_px, height_px / 2], [0, 0, 1]])
    poses = np.stack([np.eye(4)] * _CAMERAS)
    ahead = np.array([[0.0, 0, 1], [-1, 0, 0], [0, -1, 0]])
    for pose, yaw_rad in zip(poses, np.radians(60) * np.arange(_CAMERAS), strict=True):
        cosine, sine = np.cos(yaw_rad), np.sin(yaw_rad)
        pose[:3, :3] = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]]) @ ahead
    shape = (1, _CAMERAS, 3, height_px, width_px)
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    return Images(
        pixels=torch.from_numpy(pixels),
        intrinsics_px=torch.from_numpy(np.stack([intrinsics_px] * _CAMERAS)[None]).float(),
        lidar_SE3_camera=torch.from_numpy(poses[None]).float(),
        image_augmentation=torch.eye(3).repeat(1, _CAMERAS, 1, 1),
        lidar_augmentation=torch.eye(4)[None],
        seen=torch.ones(1, _CAMERAS, dtype=torch.bool),
    )


def where(device: torch.device) -> str:
    """What was measured on."""
    return "GPU" if device.type == "cuda" else f"CPU, {usable_cores()} threads"


if __name__ == "__main__":
    main()
