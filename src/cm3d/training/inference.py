"""Running a trained detector over keyframes."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np
import torch

from cm3d.detectors.boxes import SensorBoxes
from cm3d.detectors.inputs import Sample, stack_inputs
from cm3d.detectors.protocol import Detector, Needs
from cm3d.execution.progress import followed
from cm3d.geometry.arrays import NDArrayObject
from cm3d.params import Predict
from cm3d.sensors.card import Sensors
from cm3d.tables import Boxes3D
from cm3d.taxonomy import Taxonomy
from cm3d.training.determinism import deterministic
from cm3d.training.frames import TrainingFrame, load_points, to_global

_SAMPLES_AHEAD: Final = 2
_MIN_MOVING_SPEED_MPS: Final = 0.2  # below walking (CenterPoint)


def predict(
    model: Detector,
    frames: Sequence[TrainingFrame],
    *,
    sensors: Sensors,
    taxonomy: Taxonomy,
    chosen: Predict,
    device: torch.device,
    description: str = "predict",
) -> Boxes3D:
    """Detect in every frame; boxes in the global frame, best first within a frame.

    Args:
        model: Of the taxonomy's classes.
        frames: Keyframes.
        sensors: Their sensor files.
        taxonomy: Attributes of the classes.
        chosen: Which findings become boxes.
        device: Where to compute.
        description: Name on the progress bar.
    """
    model = model.to(device).eval()
    seen = zip(frames, _samples(frames, sensors, model.needs), strict=True)
    progress = followed(seen, description, len(frames), "frame")
    with deterministic():
        found = Boxes3D.concatenate(
            to_global(
                detect(model, sample, chosen, device),
                frame.sample_token,
                frame.global_SE3_lidar,
                model.class_names,
            )
            for frame, sample in progress
        )
    return found.replace(attribute_name=attributes(found, taxonomy))


@torch.inference_mode()
def detect(model: Detector, sample: Sample, chosen: Predict, device: torch.device) -> SensorBoxes:
    """Boxes that a model in evaluation mode sees in one sample, best first."""
    (boxes,) = model.detect(stack_inputs([sample]).to(device), chosen)
    return boxes


def attributes(boxes: Boxes3D, taxonomy: Taxonomy) -> NDArrayObject:
    """Attribute (N,) of each box by its speed; unknown speed (NaN) counts as standing."""
    class_index = taxonomy.indices(boxes.class_name)
    is_moving = np.linalg.norm(boxes.velocity_mps, axis=1) > _MIN_MOVING_SPEED_MPS
    moving, standing = taxonomy.attribute("moves"), taxonomy.attribute("never_moved")
    return np.where(is_moving, moving[class_index], standing[class_index])


def _samples(frames: Sequence[TrainingFrame], sensors: Sensors, needs: Needs) -> Iterator[Sample]:
    """Samples in order, read by a thread while those before are computed on."""

    def read(frame: TrainingFrame) -> Sample:
        points = load_points(frame, sensors, needs)
        return Sample(frame.sample_token, points, SensorBoxes.empty())

    with ThreadPoolExecutor(1) as reader:
        pending = deque(reader.submit(read, frame) for frame in frames[:_SAMPLES_AHEAD])
        for index in range(len(frames)):
            sample = pending.popleft().result()
            ahead = frames[index + _SAMPLES_AHEAD :][:1]
            pending.extend(reader.submit(read, frame) for frame in ahead)
            yield sample
