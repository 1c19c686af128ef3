"""mmdet3d's configuration of a model."""

from pathlib import Path
from typing import Any, Final

import mmdet3d
import mmdet3d.models  # registers them
from mmengine.config import Config

from cm3d.detectors.grid import Grid
from cm3d.params import Detector, Params

_FOLDER: Final = Path(mmdet3d.__file__).parent / ".mim/configs/centerpoint"
_FILES: Final = {
    "centerpoint_pillar": "centerpoint_pillar02_second_secfpn_8xb4-cyclic-20e_nus-3d.py",
    "centerpoint_voxel_01": "centerpoint_voxel01_second_secfpn_8xb4-cyclic-20e_nus-3d.py",
    "centerpoint_voxel_0075": "centerpoint_voxel0075_second_secfpn_8xb4-cyclic-20e_nus-3d.py",
}


def model_config(name: str, params: Params) -> Any:
    """As published or, for others, that of pillars in the detector's shapes."""
    published = _FILES.get(name)
    config = Config.fromfile(_FOLDER / (published or _FILES["centerpoint_pillar"]))
    if not published:
        config.merge_from_dict(
            {f"model.{path}": value for path, value in _shapes(params.detector).items()}
        )
    suppression = {"circle": "circle", "rotated": "rotate"}[params.predict.nms]
    config.merge_from_dict({"model.test_cfg.pts.nms_type": suppression})
    return config.model


def _shapes(detector: Detector) -> dict[str, Any]:
    """What differs from the published pillars."""
    grid, maps = Grid.of_points(detector), Grid.of_maps(detector)
    cell_m, reach_m, width = detector.cell_m, detector.range_m, detector.head_channels
    voxel_m = [cell_m, cell_m, detector.max_z_m - detector.min_z_m]
    extent_m = [-reach_m, -reach_m, detector.min_z_m, reach_m, reach_m, detector.max_z_m]
    on_grid = {"voxel_size": voxel_m, "out_size_factor": grid.size // maps.size}
    convolutions = detector.head_hidden_layers + 1
    terms = {"reg": 2, "height": 1, "dim": 3, "rot": 2, "vel": 2}
    neck = [detector.neck_channels] * len(detector.block_channels)
    return {
        "data_preprocessor.voxel_layer": {
            "max_num_points": detector.max_points,
            "voxel_size": voxel_m,
            "point_cloud_range": extent_m,
        },
        "pts_voxel_encoder": {
            "feat_channels": [detector.pillar_channels],
            "voxel_size": voxel_m,
            "point_cloud_range": extent_m,
        },
        "pts_middle_encoder": {
            "in_channels": detector.pillar_channels,
            "output_shape": (grid.size, grid.size),
        },
        "pts_backbone": {
            "in_channels": detector.pillar_channels,
            "out_channels": detector.block_channels,
            "layer_nums": detector.block_layers,
            "layer_strides": detector.block_strides,
        },
        "pts_neck": {
            "in_channels": detector.block_channels,
            "out_channels": neck,
            "upsample_strides": [
                round(factor) if factor >= 1 else factor for factor in detector.neck_upsampling
            ],
        },
        "pts_bbox_head": {
            "in_channels": sum(neck),
            "share_conv_channel": width,
            "common_heads": {term: (count, convolutions) for term, count in terms.items()},
            "num_heatmap_convs": convolutions,
            "separate_head": {"head_conv": width},
            "bbox_coder": {**on_grid, "pc_range": extent_m[:2]},
        },
        "train_cfg.pts": {
            **on_grid,
            "grid_size": [grid.size, grid.size, 1],
            "point_cloud_range": extent_m,
        },
        "test_cfg.pts": {**on_grid, "pc_range": extent_m[:2]},
    }
