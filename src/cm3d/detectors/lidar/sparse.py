"""The sparse convolutions of `spconv`, on a machine without CUDA too."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from cm3d.errors import InputError

try:
    from spconv import pytorch as spconv
    from spconv.pytorch import ops
except ImportError as error:
    raise InputError(
        "detector.encoder: voxels needs spconv; install requirements-cpu.txt or "
        "requirements-gpu.txt, or set it to pillars"
    ) from error


def submanifold(channels_in: int, channels_out: int, key: str) -> Any:
    """3x3x3 convolution that leaves the set of occupied voxels as it is."""
    return spconv.SubMConv3d(channels_in, channels_out, 3, padding=1, bias=False, indice_key=key)


def strided(
    channels_in: int, channels_out: int, kernel: Any, stride: Any, padding: Any, key: str
) -> Any:
    """Convolution that makes the grid coarser."""
    return spconv.SparseConv3d(
        channels_in, channels_out, kernel, stride, padding, bias=False, indice_key=key
    )


def sequential(*layers: nn.Module) -> Any:
    """Sparse convolutions, and layers that see only the features."""
    return spconv.SparseSequential(*layers)


def sparse_tensor(features: Tensor, position: Tensor, shape: list[int], frames: int) -> Any:
    """Features (V, C) at positions (V, 4): frame, layer, row, column."""
    return spconv.SparseConvTensor(features, position.int(), shape, frames)


def convolve_on_cpu(
    features: Tensor,
    weight: Tensor,
    pairs: Tensor,
    pair_count: Tensor,
    voxels_out: int,
    inverse: bool = False,
    submanifold: bool = False,
    *_: Any,
    **__: Any,
) -> Tensor:
    """What `spconv.pytorch.ops.indice_conv` computes, offset by offset in PyTorch.

    Args:
        features: (V, C_in).
        weight: (C_out, *kernel, C_in).
        pairs: (2, offsets, V) voxels before and after, for each offset within the kernel.
        pair_count: (offsets,) how many of them count.
        voxels_out: Number of voxels afterwards.
        inverse: Whether before and after change places.
        submanifold: Whether the voxels stay, so that pairs of the later half mirror the first.
    """
    kernel = weight.flatten(1, -2).permute(1, 2, 0).contiguous()
    if submanifold:
        out = features @ kernel[len(kernel) // 2]
    else:
        out = features.new_zeros(voxels_out, kernel.shape[2])
    for offset, before, after in _pairs(pairs, pair_count, inverse, submanifold):
        out.index_add_(0, after, features.index_select(0, before) @ kernel[offset])
    return out


def differentiate_on_cpu(
    features: Tensor,
    weight: Tensor,
    gradient: Tensor,
    pairs: Tensor,
    pair_count: Tensor,
    inverse: bool = False,
    submanifold: bool = False,
    *_: Any,
    **__: Any,
) -> tuple[Tensor, Tensor]:
    """Gradients of features and weights, as `spconv.pytorch.ops.indice_conv_backward` has them."""
    kernel = weight.flatten(1, -2).transpose(0, 1).contiguous()
    of_kernel = torch.zeros_like(kernel)
    if submanifold:
        centre = len(kernel) // 2
        of_kernel[centre], of_features = gradient.T @ features, gradient @ kernel[centre]
    else:
        of_features = torch.zeros_like(features)
    for offset, before, after in _pairs(pairs, pair_count, inverse, submanifold):
        passed = gradient.index_select(0, after)
        of_kernel[offset] = passed.T @ features.index_select(0, before)
        of_features.index_add_(0, before, passed @ kernel[offset])
    return of_features, of_kernel.transpose(0, 1).reshape(weight.shape)


def _pairs(
    pairs: Tensor, pair_count: Tensor, inverse: bool, submanifold: bool
) -> Iterator[tuple[int, Tensor, Tensor]]:
    """Voxels before and after for each offset within the kernel that has any.

    The middle of a submanifold convolution, where both are all voxels, is left out.
    """
    counts = pair_count.tolist()
    for offset, own_count in enumerate(counts):
        mirrored = len(counts) - 1 - offset
        if submanifold and offset == mirrored:
            continue
        count = counts[mirrored] if submanifold and offset > mirrored else own_count
        if count:
            before, after = pairs[int(inverse), offset, :count], pairs[1 - inverse, offset, :count]
            yield offset, before.long(), after.long()


def _where_features_are(on_cpu: Callable[..., Any], elsewhere: Callable[..., Any]) -> Any:
    """A function of features and others that runs where the features are."""

    def chosen(features: Tensor, *others: Any, **named: Any) -> Any:
        run = on_cpu if features.device.type == "cpu" else elsewhere
        return run(features, *others, **named)

    return chosen


# On the CPU, the convolutions of spconv 2.3.8 give other results from call to call, and their
# backward pass asks for a CUDA stream. Its lists of neighbours are right, the rest is ours.
ops.indice_conv = _where_features_are(convolve_on_cpu, ops.indice_conv)
ops.indice_conv_backward = _where_features_are(differentiate_on_cpu, ops.indice_conv_backward)
