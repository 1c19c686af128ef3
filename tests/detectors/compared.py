"""The real keyframe for both CenterPoints, and ours with the other's weights."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from cm3d import params
from cm3d.datasets.nuscenes.database import NuScenesTables
from cm3d.datasets.nuscenes.scenes import index_scene
from cm3d.detectors.centerpoint import CenterPoint
from cm3d.detectors.heads.center.head import BoxMaps, TaskOutput
from cm3d.detectors.inputs import Batch, Points, Sample
from cm3d.detectors.lidar.voxelization import Voxelizer, Voxels
from cm3d.detectors.mmdet3d import weights_from_mmdet3d
from cm3d.params import Params, parse_params, read_yaml
from cm3d.taxonomy import load_taxonomy
from cm3d.training.augmentation import Augmentation
from cm3d.training.frames import TrainingFrame, load_points, to_sensor
from experiments.overrides import with_overrides
from experiments.preset import load_preset
from tests.detectors.reference import Frames, Reference
from tests.tiny_detector import PROJECT, sensors_at

PRESETS = {
    "pillar02": "centerpoint_pillar",
    "voxel01": "centerpoint_voxel_01",
    "voxel0075": "centerpoint_voxel_0075",
}
TERMS = {"offset": "reg", "z": "height", "size": "dim", "heading": "rot", "velocity": "vel"}


TAXONOMY = load_taxonomy("nuscenes", PROJECT / "taxonomies")


def preset_params(variant: str, project: Path) -> Params:
    """The parameters of the preset for a variant of mmdet3d."""
    content = with_overrides(read_yaml(project / "params.yaml"), load_preset(PRESETS[variant]))
    return parse_params(content, PRESETS[variant])


def load_samples(keyframe: Path, model: CenterPoint) -> list[Sample]:
    """The real keyframe and its turned mirror image, boxes within range.

    It has one sweep and no velocities, so ages and velocities are made up.
    """
    scene = index_scene(NuScenesTables(keyframe, "v1.0-mini"), "scene-0061", 9, TAXONOMY)
    frame = TrainingFrame(scene.frames.sample_token[0], scene.sweeps, scene.ground_truth)
    points = load_points(frame, sensors_at(keyframe), model.needs)
    points[:, 4] = 0.05 * (np.arange(len(points)) % 10)
    boxes = to_sensor(scene.ground_truth, frame.global_SE3_lidar, model.class_names)
    speeds_mps = np.random.default_rng(0).normal(0, 3, (len(boxes), 2))
    boxes = replace(boxes, velocity_mps=speeds_mps)
    samples = [Sample("as it is", points, boxes)]
    turned = Augmentation(False, True, 0.3, 1.0, np.zeros(3))
    samples.append(
        Sample("turned", turned.apply_to_points(points), turned.apply_to_boxes(boxes)),
    )
    return [_within(sample, model.needs.range_m) for sample in samples]


def _within(sample: Sample, range_m: float) -> Sample:
    inside = (np.abs(sample.boxes.center_m[:, :2]) < range_m).all(axis=1)
    return replace(sample, boxes=sample.boxes[inside])


def raw_points(batch: Batch) -> list[Tensor]:
    """The points of each frame with intensities as nuScenes has them."""
    points, frames = points_of(batch), range(batch.inputs.frames)
    scale = points.values.new_tensor([1.0, 1.0, 1.0, 255.0, 1.0])
    return [points.values[points.frame == frame] * scale for frame in frames]


def points_of(batch: Batch) -> Points:
    """The points of all frames."""
    assert batch.inputs.points is not None
    return batch.inputs.points


def labels_of(batch: Batch) -> Frames:
    """Boxes and classes of each frame."""
    labels = batch.labels
    rows = [labels.frame == frame for frame in range(batch.inputs.frames)]
    return [(labels.boxes[chosen], labels.class_index[chosen]) for chosen in rows]


def same_model(reference: Reference, detector: params.Detector, folder: Path) -> CenterPoint:
    """Our CenterPoint with the weights of a reference, by way of a checkpoint file."""
    path = folder / "reference.pth"
    torch.save({"state_dict": reference.model.state_dict()}, path)
    model = CenterPoint(detector, TAXONOMY)
    state = model.state_dict()
    # Within a process that has mmdet3d, spconv takes a plain dictionary for one of spconv 1.
    state.update(weights_from_mmdet3d(path, detector, TAXONOMY))
    model.load_state_dict(state)
    return model.train(reference.model.training)


def stages(model: CenterPoint, batch: Batch) -> dict[str, Tensor]:
    """What each part of ours makes of a batch, by the names of `Reference.stages`."""
    dtype = next(model.parameters()).dtype
    points = points_of(batch)
    voxels = model.encoder.voxelize(points.values.to(dtype), points.frame)
    canvas = model.encoder(voxels, batch.inputs.frames)
    features = model.backbone(canvas)
    neck = model.neck(features)
    result = {"canvas": canvas, "neck": neck}
    result |= {f"backbone.{block}": feature for block, feature in enumerate(features)}
    for task, output in enumerate(model.head(neck)):
        result[f"head.{task}.heatmap"] = output.heatmap
        result |= {f"head.{task}.{TERMS[term]}": value for term, value in output.boxes.items()}
    return result


def outputs_of(maps: dict[str, Tensor]) -> list[TaskOutput]:
    """The head's maps among `stages` as ours."""
    return [
        TaskOutput(
            maps[f"head.{task}.heatmap"],
            BoxMaps({own: maps[f"head.{task}.{theirs}"] for own, theirs in TERMS.items()}),
        )
        for task in range(len(TAXONOMY.heads))
    ]


class SingleVoxelizer(Voxelizer):
    """Assigns points in single precision and hands them on in double."""

    def __call__(self, points: Tensor, frame: Tensor) -> Voxels:
        voxels = super().__call__(points.float(), frame)
        return replace(voxels, points=voxels.points.double())


@contextmanager
def double_precision() -> Iterator[None]:
    """Have new tensors and networks in double precision."""
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


def difference(ours: Tensor, theirs: Tensor) -> float:
    """Largest difference, by the largest value."""
    return float((ours - theirs).abs().max() / theirs.abs().max().clamp(min=1e-12))
