"""Running a trained detector over keyframes."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Final, TypeVar

import numpy as np
import torch

from cm3d.detectors.boxes import SensorBoxes
from cm3d.detectors.inputs import Sample, stack_inputs
from cm3d.detectors.protocol import Detector, every_point
from cm3d.errors import InputError
from cm3d.geometry.arrays import NDArrayByte, NDArrayFloat32, NDArrayObject
from cm3d.params import Predict
from cm3d.sensors.card import Sensors
from cm3d.tables import Boxes3D
from cm3d.tables.map_predictions import MapPredictions
from cm3d.tables.noted import UNREADABLE, LeftOut, Noted
from cm3d.taxonomy import Taxonomy
from cm3d.training.determinism import deterministic, one_thread
from cm3d.training.frames import TrainingFrame, load_points, to_global
from cm3d.training.images import ImageAugmentation, load_images, rig_of

AnswerT = TypeVar("AnswerT")
TableT = TypeVar("TableT")

_BATCHES_AHEAD: Final = 2
_MIN_MOVING_SPEED_MPS: Final = 0.2  # below walking (CenterPoint)


def predict(
    model: Detector,
    frames: Sequence[TrainingFrame],
    *,
    sensors: Sensors,
    taxonomy: Taxonomy,
    chosen: Predict,
    device: torch.device,
    batch_size: int = 1,
    readers: int = 1,
) -> Noted[Boxes3D]:
    """Detect in every frame; boxes in the global frame, best first within a frame.

    Args:
        model: Of the taxonomy's classes.
        frames: Keyframes.
        sensors: Their sensor files.
        taxonomy: Attributes of the classes.
        chosen: Which findings become boxes.
        device: Where to compute; a CPU on one thread.
        batch_size: Frames that the model sees at once; boxes depend on it by rounding at most.
        readers: Threads that read ahead; 0 reads here. Boxes do not depend on it.

    Returns:
        What was found, with the images that could not be read.

    Raises:
        InputError: A sensor file is missing or cut short, or the cameras are not the model's.
    """
    # a mirrored point may fall on the other side of a cell's edge, and displace another there
    sift = every_point if chosen.double_flip else model.needs.sift
    read = _Reader(model, sensors, sift)
    detect_in = partial(detect, model, chosen=chosen, device=device)

    def table_of(frame: TrainingFrame, boxes: SensorBoxes) -> Boxes3D:
        return to_global(boxes, frame.sample_token, frame.global_SE3_lidar, model.class_names)

    found, left_out = _run(model, frames, read, detect_in, table_of, device, batch_size, readers)
    boxes = Boxes3D.concatenate(found)
    return Noted(boxes.replace(attribute_name=attributes(boxes, taxonomy)), left_out)


def predict_maps(
    model: Detector,
    frames: Sequence[TrainingFrame],
    *,
    sensors: Sensors,
    device: torch.device,
    batch_size: int = 1,
    readers: int = 1,
) -> Noted[MapPredictions]:
    """Say what the ground is around every frame.

    Args:
        model: That has learned maps.
        frames: Keyframes.
        sensors: Their sensor files.
        device: Where to compute; a CPU on one thread.
        batch_size: Frames that the model sees at once.
        readers: Threads that read ahead; 0 reads here.

    Returns:
        What was found, with the images that could not be read.

    Raises:
        InputError: A sensor file is missing or cut short, or the cameras are not the model's.
    """
    read = _Reader(model, sensors, model.needs.sift)
    reached_in = partial(_thresholds_reached, model, device=device)

    def table_of(frame: TrainingFrame, reached: NDArrayByte) -> MapPredictions:
        return MapPredictions.of_frame(frame.sample_token, reached)

    found, left_out = _run(model, frames, read, reached_in, table_of, device, batch_size, readers)
    return Noted(MapPredictions.concatenate(found), left_out)


@dataclass(frozen=True, eq=False)
class _Reader:
    """Reads what a model sees of a keyframe."""

    model: Detector
    sensors: Sensors
    sift: Callable[[NDArrayFloat32], NDArrayFloat32]

    def __call__(self, frame: TrainingFrame) -> Sample:
        needs, images = self.model.needs, None
        unreadable: tuple[str, ...] = ()
        points = self.sift(load_points(frame, self.sensors, needs)) if needs.points else None
        if needs.cameras is not None:
            plain = ImageAugmentation.none(needs.cameras)
            images, unreadable = load_images(
                frame, self.model.rig, self.sensors, needs.cameras, plain, np.eye(4)
            )
        return Sample(
            frame.sample_token, points, SensorBoxes.empty(), images, unreadable=unreadable
        )


def _run(
    model: Detector,
    frames: Sequence[TrainingFrame],
    read: Callable[[TrainingFrame], Sample],
    answer: Callable[[Sequence[Sample]], Sequence[AnswerT]],
    table_of: Callable[[TrainingFrame, AnswerT], TableT],
    device: torch.device,
    batch_size: int,
    readers: int,
) -> tuple[list[TableT], LeftOut]:
    """What a model says of each frame, batch by batch, and the images that could not be read."""
    model.to(device).eval()
    if model.needs.cameras is not None:
        _check_rig(rig_of(frames), model.rig)
    samples = _read_ahead(frames, read, readers, _BATCHES_AHEAD * batch_size + readers)
    tables: list[TableT] = []
    unreadable: list[str] = []
    with deterministic(), one_thread(device):
        for start in range(0, len(frames), batch_size):
            of_batch = frames[start : start + batch_size]
            seen = list(islice(samples, len(of_batch)))
            tables += [table_of(*told) for told in zip(of_batch, answer(seen), strict=True)]
            unreadable += [path for sample in seen for path in sample.unreadable]
    return tables, {UNREADABLE: tuple(unreadable)}


@torch.inference_mode()
def detect(
    model: Detector, samples: Sequence[Sample], chosen: Predict, device: torch.device
) -> list[SensorBoxes]:
    """Boxes that a model in evaluation mode sees in each of some samples, best first."""
    return model.detect(stack_inputs(samples).to(device), chosen)


@torch.inference_mode()
def _thresholds_reached(
    model: Detector, samples: Sequence[Sample], device: torch.device
) -> list[NDArrayByte]:
    outputs = model(stack_inputs(samples).to(device))
    return list(model.thresholds_reached(outputs).cpu().numpy())


def attributes(boxes: Boxes3D, taxonomy: Taxonomy) -> NDArrayObject:
    """Attribute (N,) of each box by its speed; unknown speed (NaN) counts as standing."""
    class_index = taxonomy.indices(boxes.class_name)
    is_moving = np.linalg.norm(boxes.velocity_mps, axis=1) > _MIN_MOVING_SPEED_MPS
    moving, standing = taxonomy.attribute("moves"), taxonomy.attribute("never_moved")
    return np.where(is_moving, moving[class_index], standing[class_index])


def _check_rig(found: Sequence[str], learned: Sequence[str]) -> None:
    """A camera less is seen as nothing; one that the model has not learned from is a mistake."""
    if strange := sorted(set(found) - set(learned)):
        raise InputError(
            f"data/index/cameras: {', '.join(strange)} is no camera that the model learned from; "
            f"those are {', '.join(learned)}; retrain on these cameras, or detect on its own"
        )
    if not found:
        raise InputError(
            "data/index/cameras: no image in these keyframes, and the model sees "
            f"{', '.join(learned)}; use a data set with images, or a detector of LiDAR"
        )


def _read_ahead(
    frames: Sequence[TrainingFrame],
    read: Callable[[TrainingFrame], Sample],
    readers: int,
    ahead: int,
) -> Iterator[Sample]:
    """Samples in order, read by threads while those before are computed on."""
    if readers == 0:
        yield from map(read, frames)
        return
    todo, pending = iter(frames), deque[Future[Sample]]()
    with ThreadPoolExecutor(readers) as pool:
        try:
            while True:
                while len(pending) < ahead and (frame := next(todo, None)) is not None:
                    pending.append(pool.submit(read, frame))
                if not pending:
                    return
                yield pending.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)
