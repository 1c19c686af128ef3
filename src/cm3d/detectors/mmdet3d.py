"""Weights of mmdet3d's CenterPoint, read into ours."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from cm3d.detectors.registry import build_detector
from cm3d.errors import InputError
from cm3d.params import Detector, Network
from cm3d.taxonomy import Taxonomy
from cm3d.weights import check_weights, read_weights

# What stands for our terms in each of its heads.
_TERMS: Final = {
    "heatmap": "heatmap",
    "offset": "reg",
    "z": "height",
    "size": "dim",
    "heading": "rot",
    "velocity": "vel",
}
_FULL_INTENSITY = 255.0  # it takes intensities as nuScenes stores them, ours are in [0, 1]
_AGAIN: Final = (
    "fetch it again or correct pretrain.init_checkpoint, see docs/mmdet3d.md, Checkpoints"
)
_PRESET: Final = "use the preset of the checkpoint's model and its classes, or fetch it again"


def weights_from_mmdet3d(path: Path, detector: Network, taxonomy: Taxonomy) -> dict[str, Tensor]:
    """Read a checkpoint of mmdet3d 1.x as weights of our CenterPoint.

    Args:
        path: A `.pth` file of mmdet3d, with its training's state or without.
        detector: What the weights are for; shapes must be the checkpoint's.
        taxonomy: Classes and heads, which must be the checkpoint's too.

    Raises:
        InputError: The file is missing, no such checkpoint, or of another model or other classes.
    """
    state = read_weights(path, _AGAIN)
    weights = _renamed(state, detector, len(taxonomy.heads))
    if len(weights) < len(state):
        raise InputError(f"{path}: some tensors stand there twice, by two names; {_AGAIN}")
    own = build_detector(detector, taxonomy, seed=0).state_dict()
    check_weights(weights, own, "the detector", path, _PRESET)
    return _scaled(weights, detector)


def convert_from_mmdet3d(
    state: Mapping[str, Tensor], detector: Detector, heads: int
) -> dict[str, Tensor]:
    """Our names and units for a state dict of mmdet3d's CenterPoint; unknown names stay.

    Our encoders see inputs of order one, so what multiplies an input takes its scale over.
    """
    return _scaled(_renamed(state, detector, heads), detector)


def _renamed(state: Mapping[str, Tensor], detector: Detector, heads: int) -> dict[str, Tensor]:
    names = dict(_names(detector, heads))
    renamed = {}
    for name, value in state.items():
        layer, dot, leaf = name.rpartition(".")
        renamed[f"{names.get(layer, layer)}{dot}{leaf}"] = _as_krsc(value)
    return renamed


def _scaled(weights: Mapping[str, Tensor], detector: Detector) -> dict[str, Tensor]:
    scales = _input_scales(detector)
    return {n: value * scales[n] if n in scales else value for n, value in weights.items()}


def _names(detector: Detector, heads: int) -> Iterator[tuple[str, str]]:
    """Pairs of a layer's name there and here."""
    yield from _encoder_names(detector)
    for block, layers in enumerate(detector.block_layers):
        for layer in range(layers + 1):
            there, here = f"pts_backbone.blocks.{block}", f"backbone.blocks.{block}.{layer}"
            yield f"{there}.{3 * layer}", f"{here}.0"
            yield f"{there}.{3 * layer + 1}", f"{here}.1"
        for part in (0, 1):
            yield f"pts_neck.deblocks.{block}.{part}", f"neck.resamplers.{block}.{part}"
    yield "pts_bbox_head.shared_conv.conv", "head.shared.0"
    yield "pts_bbox_head.shared_conv.bn", "head.shared.1"
    for task in range(heads):
        for position, term in enumerate(_TERMS.values()):
            there = f"pts_bbox_head.task_heads.{task}.{term}"
            branch = task * len(_TERMS) + position
            for layer in range(detector.head_hidden_layers):
                yield f"{there}.{layer}.conv", f"head.hidden.{branch}.{layer}.0"
                yield f"{there}.{layer}.bn", f"head.hidden.{branch}.{layer}.1"
            yield f"{there}.{detector.head_hidden_layers}", f"head.final.{branch}"


def _encoder_names(detector: Detector) -> Iterator[tuple[str, str]]:
    if detector.encoder == "pillars":
        yield "pts_voxel_encoder.pfn_layers.0.linear", "encoder.linear"
        yield "pts_voxel_encoder.pfn_layers.0.norm", "encoder.norm"
        return
    root = "pts_middle_encoder"
    for part in (0, 1):
        yield f"{root}.conv_input.{part}", f"encoder.stem.{part}"
        yield f"{root}.conv_out.{part}", f"encoder.flatten.{part}"
    for stage in range(len(detector.sparse_channels)):
        there = f"{root}.encoder_layers.encoder_layer{stage + 1}"
        for block in (0, 1):
            for number, own in ((1, "first"), (2, "second")):
                yield f"{there}.{block}.conv{number}", f"encoder.stages.{stage}.{block}.{own}"
                yield f"{there}.{block}.bn{number}", f"encoder.stages.{stage}.{block}.{own}_norm"
        for part in (0, 1):
            yield f"{there}.2.{part}", f"encoder.strided.{stage}.{part}"


def _input_scales(detector: Detector) -> dict[str, Tensor]:
    """Units of ours per unit of theirs, for the inputs of the first layer."""
    half_height_m = (detector.max_z_m - detector.min_z_m) / 2
    point = [detector.range_m, detector.range_m, half_height_m, _FULL_INTENSITY, 1.0]
    if detector.encoder == "voxels":
        return {"encoder.stem.0.weight": torch.tensor(point)}
    cell_m = detector.cell_m
    offsets = [cell_m, cell_m, cell_m, cell_m, cell_m, half_height_m]
    return {"encoder.linear.weight": torch.tensor(point + offsets)}


def _as_krsc(value: Tensor) -> Tensor:
    """Sparse kernels as (out, z, y, x, in); those of spconv 1 have `out` last."""
    is_old = value.ndim == 5 and value.shape[0] <= 3
    return value.permute(4, 0, 1, 2, 3).contiguous() if is_old else value
