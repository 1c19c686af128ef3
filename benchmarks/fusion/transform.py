"""The sum over cells, and LSS as it is usually written: the same numbers for both."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from benchmarks.fusion.rig import rig
from cm3d.detectors.cameras.rays import Rays
from cm3d.detectors.cameras.view_transform import FEATURE_STRIDE
from cm3d.params import load_params


class Case(NamedTuple):
    """Numbers for a view transform."""

    name: str
    weight: Tensor
    features: Tensor
    cell: Tensor
    cells: int


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


def there_and_back(
    way: Callable[[Tensor, Tensor, Tensor, int], Tensor], case: Case
) -> tuple[Tensor, ...]:
    """The map and the gradients of the sum of its squares."""
    summed = way(case.weight, case.features, case.cell, case.cells)
    gradients = torch.autograd.grad(summed.square().sum() / 2, (case.weight, case.features))
    if summed.is_cuda:
        torch.cuda.synchronize()
    return summed, *gradients
