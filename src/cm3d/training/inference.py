"""Running a trained detector over keyframes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from tqdm import tqdm

from cm3d.geometry.arrays import NDArrayFloat32
from cm3d.models.centerpoint import CenterPoint
from cm3d.models.decode import decode
from cm3d.params import Detector
from cm3d.tables.boxes3d import Boxes3D
from cm3d.training.batches import read_ahead
from cm3d.training.determinism import deterministic
from cm3d.training.frames import TrainingFrame, load_points, to_global

# Attribute of a class above and below walking into motion: nuScenes' commonest (CenterPoint).
_MIN_MOVING_SPEED_MPS: Final = 0.2
_ATTRIBUTES: Final = {
    "car": ("vehicle.moving", "vehicle.parked"),
    "truck": ("vehicle.moving", "vehicle.parked"),
    "bus": ("vehicle.moving", "vehicle.stopped"),
    "trailer": ("vehicle.moving", "vehicle.parked"),
    "construction_vehicle": ("vehicle.moving", "vehicle.parked"),
    "pedestrian": ("pedestrian.moving", "pedestrian.standing"),
    "motorcycle": ("cycle.with_rider", "cycle.without_rider"),
    "bicycle": ("cycle.with_rider", "cycle.without_rider"),
    "traffic_cone": ("", ""),
    "barrier": ("", ""),
}


def predict(
    model: CenterPoint,
    frames: Sequence[TrainingFrame],
    *,
    root: Path,
    detector: Detector,
    device: torch.device,
    description: str = "predict",
) -> Boxes3D:
    """Detect in every frame; boxes in the global frame, best first within a frame."""
    model = model.to(device).eval()
    clouds = read_ahead(lambda index: load_points(frames[index], root, detector), len(frames))
    progress = tqdm(
        zip(frames, clouds, strict=True),
        total=len(frames),
        desc=description,
        unit="frame",
        mininterval=1.0,
    )
    with deterministic(), torch.inference_mode():
        return Boxes3D.concatenate(
            _detect(model, frame, points, detector, device) for frame, points in progress
        )


def attribute(class_name: str, speed_mps: float) -> str:
    """The attribute of a class at a speed; unknown speed (NaN) counts as standing."""
    moving, resting = _ATTRIBUTES[class_name]
    return moving if speed_mps > _MIN_MOVING_SPEED_MPS else resting


def _detect(
    model: CenterPoint,
    frame: TrainingFrame,
    points: NDArrayFloat32,
    detector: Detector,
    device: torch.device,
) -> Boxes3D:
    cloud = torch.from_numpy(points).to(device)
    owner = torch.zeros(len(cloud), dtype=torch.int64, device=device)
    (boxes,) = decode(model(cloud, owner, 1), detector)
    table = to_global(boxes, frame.sample_token, frame.global_SE3_lidar, detector.class_names)
    speed_mps = np.linalg.norm(table.velocity_mps, axis=1)
    names = [attribute(*pair) for pair in zip(table.class_name, speed_mps, strict=True)]
    return table.replace(attribute_name=np.array(names, dtype=object))
