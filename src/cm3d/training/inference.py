"""Running a trained detector over keyframes."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import torch
from tqdm import tqdm

from cm3d.geometry.arrays import NDArrayFloat32
from cm3d.models.centerpoint import CenterPoint
from cm3d.models.decode import decode
from cm3d.models.double_flip import detect_double_flipped
from cm3d.models.sensor_boxes import SensorBoxes
from cm3d.params import Detector
from cm3d.tables.boxes3d import Boxes3D
from cm3d.training.determinism import deterministic
from cm3d.training.frames import TrainingFrame, load_points, to_global

_CLOUDS_AHEAD: Final = 2

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
    progress = tqdm(
        zip(frames, _clouds(frames, root, detector), strict=True),
        total=len(frames),
        desc=description,
        unit="frame",
        mininterval=1.0,
    )
    with deterministic():
        return Boxes3D.concatenate(
            _as_table(detect(model, points, detector, device), frame, detector)
            for frame, points in progress
        )


@torch.inference_mode()
def detect(
    model: CenterPoint, points: NDArrayFloat32, detector: Detector, device: torch.device
) -> SensorBoxes:
    """Boxes that a model in evaluation mode sees in one point cloud (N, 5), best first."""
    cloud = torch.from_numpy(points).to(device)
    owner = torch.zeros(len(cloud), dtype=torch.int64, device=device)
    outputs = (
        detect_double_flipped(model, cloud, owner, 1)
        if detector.double_flip
        else model(cloud, owner, 1)
    )
    (boxes,) = decode(outputs, detector)
    return boxes


def attribute(class_name: str, speed_mps: float) -> str:
    """The attribute of a class at a speed; unknown speed (NaN) counts as standing."""
    moving, resting = _ATTRIBUTES[class_name]
    return moving if speed_mps > _MIN_MOVING_SPEED_MPS else resting


def _clouds(
    frames: Sequence[TrainingFrame], root: Path, detector: Detector
) -> Iterator[NDArrayFloat32]:
    """Point clouds in order, read by a thread while those before are computed on."""
    with ThreadPoolExecutor(1) as reader:
        read = partial(reader.submit, partial(load_points, root=root, detector=detector))
        pending = deque(read(frame) for frame in frames[:_CLOUDS_AHEAD])
        for index in range(len(frames)):
            points = pending.popleft().result()
            pending.extend(read(frame) for frame in frames[index + _CLOUDS_AHEAD :][:1])
            yield points


def _as_table(boxes: SensorBoxes, frame: TrainingFrame, detector: Detector) -> Boxes3D:
    table = to_global(boxes, frame.sample_token, frame.global_SE3_lidar, detector.class_names)
    speed_mps = np.linalg.norm(table.velocity_mps, axis=1)
    names = [attribute(*pair) for pair in zip(table.class_name, speed_mps, strict=True)]
    return table.replace(attribute_name=np.array(names, dtype=object))
