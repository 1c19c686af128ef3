"""mmdet3d's CenterPoint with weights that leave nothing untried, driven by hand."""

import importlib
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from cm3d.detectors.inputs import BoxTensors

_CONFIG = "centerpoint_{}_second_secfpn_8xb4-cyclic-20e_nus-3d.py"
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)

Frames = list[tuple[BoxTensors, Tensor]]  # boxes and classes of each frame


class Reference:
    """A model of mmdet3d, and what is computed in it.

    Args:
        variant: `pillar02`, `voxel01` or `voxel0075`.
        range_m: Half side of the square that it sees.
    """

    def __init__(self, variant: str, range_m: float) -> None:
        reason = "mmdet3d is not installed: docs/mmdet3d.md"
        pytest.importorskip("mmdet3d.models", reason=reason, exc_type=ImportError)
        mmdet3d = importlib.import_module("mmdet3d")
        importlib.import_module("mmengine.registry").init_default_scope("mmdet3d")
        folder = Path(mmdet3d.__file__).parent / ".mim" / "configs" / "centerpoint"
        config = importlib.import_module("mmengine.config").Config
        content = config.fromfile(folder / _CONFIG.format(variant)).model
        _set_range(content, range_m)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            models = importlib.import_module("mmdet3d.registry").MODELS
            self.model: Any = models.build(content)

    def voxelise(self, points: list[Tensor]) -> dict[str, Tensor]:
        """Voxels of raw points (N, 5): x, y, z in metres, intensity up to 255, age in seconds."""
        processor = self.model.data_preprocessor.train(self.model.training)
        return dict(processor.voxelize(points, None))

    def canvas(self, points: list[Tensor]) -> Tensor:
        """What the encoder makes of the points."""
        voxels = self.voxelise(points)
        values = voxels["voxels"].to(next(self.model.parameters()).dtype)
        cells = voxels["coors"]
        features = self.model.pts_voxel_encoder(values, voxels["num_points"], cells, None, None)
        canvas: Tensor = self.model.pts_middle_encoder(features, cells, len(points))
        return canvas

    def stages(self, points: list[Tensor]) -> dict[str, Tensor]:
        """What each part of the model makes of the points."""
        canvas = self.canvas(points)
        features = self.model.pts_backbone(canvas)
        (neck,) = self.model.pts_neck(features)
        outputs = self.model.pts_bbox_head([neck])
        return (
            {"canvas": canvas}
            | {f"backbone.{block}": feature for block, feature in enumerate(features)}
            | {"neck": neck}
            | {
                f"head.{task}.{term}": value
                for task, (terms,) in enumerate(outputs)
                for term, value in terms.items()
            }
        )

    def targets(self, frames: Frames) -> list[list[Tensor]]:
        """Heatmaps, codes, cells and masks, each per task."""
        return list(self.model.pts_bbox_head.get_targets([_instances(*frame) for frame in frames]))

    def losses(self, maps: dict[str, Tensor], frames: Frames) -> list[Tensor]:
        """Heatmap and box term of each task, for the head's maps among `stages`."""
        labels = [_instances(*frame) for frame in frames]
        return list(self.model.pts_bbox_head.loss_by_feat(_outputs(maps), labels).values())

    def decode(self, maps: dict[str, Tensor], nms: str) -> Any:
        """Boxes of the first frame, from the head's maps among `stages`."""
        head = self.model.pts_bbox_head
        head.test_cfg["nms_type"] = nms
        outputs = _outputs(maps)
        metas = [{"box_type_3d": _boxes_type()}] * len(outputs[0][0]["heatmap"])
        return head.predict_by_feat(outputs, metas)[0]


def disturb(reference: Reference, points: list[Tensor]) -> None:
    """Give every normalisation figures of its own, and the head something to say.

    Running figures are those of the points themselves, so that no layer runs out of range, with
    noise on top; a fifth of the scales is negative. Heatmaps are sure of some cells, within the
    bounds that mmdet3d clips them to, and boxes are some metres long.
    """
    generator = torch.Generator().manual_seed(0)
    norms = [layer for layer in reference.model.modules() if isinstance(layer, _NORMS)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        share, chance = torch.rand(2, len(norm.weight), generator=generator)
        norm.weight.data = torch.where(chance < 0.2, -1.0, 1.0) * (0.7 + 0.6 * share)
        norm.bias.data = 0.2 * torch.randn(len(norm.weight), generator=generator)
        norm.momentum = 1.0
    with torch.no_grad():
        reference.model.train()
        reference.stages(points)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        noise = torch.randn(2, len(norm.weight), generator=generator)
        norm.running_mean += 0.1 * noise[0] * norm.running_var.sqrt()
        norm.running_var *= (0.2 * noise[1]).exp()
    for name, parameter in reference.model.named_parameters():
        if "task_heads" in name and name.endswith(".1.weight"):
            parameter.data *= 0.3
        elif name.endswith("heatmap.1.bias"):
            parameter.data -= 2
        elif name.endswith("dim.1.bias"):
            parameter.data += 1


def _set_range(config: Any, range_m: float) -> None:
    """Change every place where the config has its range."""
    voxel_layer, head = config.data_preprocessor.voxel_layer, config.pts_bbox_head
    side = round(2 * range_m / voxel_layer.voxel_size[0])
    limits = [-range_m, -range_m, -5.0, range_m, range_m, 3.0]
    layers = config.train_cfg.pts.grid_size[2]
    voxel_layer.point_cloud_range = config.train_cfg.pts.point_cloud_range = limits
    config.train_cfg.pts.grid_size = [side, side, layers]
    head.bbox_coder.pc_range = config.test_cfg.pts.pc_range = limits[:2]
    if config.pts_voxel_encoder.type == "PillarFeatureNet":
        config.pts_voxel_encoder.point_cloud_range = limits
        config.pts_middle_encoder.output_shape = (side, side)
    else:
        config.pts_middle_encoder.sparse_shape = [layers + 1, side, side]


def _outputs(maps: dict[str, Tensor]) -> tuple[list[dict[str, Tensor]], ...]:
    """The head's own structure, copied, as the loss writes into it."""
    tasks: dict[str, dict[str, Tensor]] = {}
    for name, value in maps.items():
        if name.startswith("head."):
            _, task, term = name.split(".")
            tasks.setdefault(task, {})[term] = value.clone()
    return tuple([terms] for terms in tasks.values())


def _instances(boxes: BoxTensors, class_index: Tensor) -> Any:
    values = [boxes.center_m, boxes.size_m, boxes.yaw_rad[:, None], boxes.velocity_mps]
    instances = importlib.import_module("mmengine.structures").InstanceData()
    origin = (0.5, 0.5, 0.5)
    instances.bboxes_3d = _boxes_type()(torch.cat(values, dim=1), box_dim=9, origin=origin)
    instances.labels_3d = class_index
    return instances


def _boxes_type() -> Any:
    return importlib.import_module("mmdet3d.structures").LiDARInstance3DBoxes
