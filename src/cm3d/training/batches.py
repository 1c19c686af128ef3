"""From keyframes to batches of tensors, read ahead in the background."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self, TypeVar

import numpy as np
import torch
from torch import Tensor

from cm3d.geometry.arrays import NDArrayFloat32, NDArrayInt
from cm3d.params import Detector, Schedule
from cm3d.training.augmentation import Augmentation
from cm3d.training.copy_paste import Pasting
from cm3d.training.frames import TrainingFrame, check_in_range, load_points, to_sensor
from cm3d.training.targets import Targets, make_targets

_READERS = 2

ItemT = TypeVar("ItemT")


@dataclass(frozen=True, eq=False)
class Batch:
    """B frames as flat tensors: ragged rows carry the frame that they belong to.

    Args:
        points: (P, 5), see `models.pillars.POINT_CHANNELS`.
        point_frame: (P,).
        heatmap: (B, classes, rows, columns).
        box_frame: (N,) frame of each box; the next four are its targets, see `Targets`.
        class_index: (N,).
        row: (N,).
        column: (N,).
        code: (N, 10).
    """

    points: Tensor
    point_frame: Tensor
    heatmap: Tensor
    box_frame: Tensor
    class_index: Tensor
    row: Tensor
    column: Tensor
    code: Tensor

    def to(self, device: torch.device) -> Self:
        """A copy on the device."""
        return type(self)(*(getattr(self, field.name).to(device) for field in fields(self)))


def epoch_batches(
    frames: Sequence[TrainingFrame],
    *,
    root: Path,
    detector: Detector,
    schedule: Schedule,
    seed: int,
    epoch: int,
    pasting: Pasting | None = None,
) -> Iterator[Batch]:
    """Every frame once, shuffled, augmented, in batches of nearly equal size.

    The result depends on `seed` and `epoch` alone, not on how reading is spread over threads.
    """
    order = np.random.default_rng([seed, epoch]).permutation(len(frames))
    chosen = np.array_split(order, batches_per_epoch(len(frames), schedule))

    def build(index: int) -> Batch:
        return collate([sample(int(position)) for position in chosen[index]])

    def sample(position: int) -> tuple[NDArrayFloat32, Targets]:
        rng = np.random.default_rng([seed, epoch, position])
        augmentation = Augmentation.draw(schedule, rng)
        return load_sample(frames[position], root, detector, augmentation, rng, pasting)

    return read_ahead(build, len(chosen))


def batches_per_epoch(frames: int, schedule: Schedule) -> int:
    """Steps of the optimiser per epoch."""
    return -(-frames // schedule.batch_size)


def load_sample(
    frame: TrainingFrame,
    root: Path,
    detector: Detector,
    augmentation: Augmentation,
    rng: np.random.Generator,
    pasting: Pasting | None = None,
) -> tuple[NDArrayFloat32, Targets]:
    """Points (N, 5) and targets of one frame, objects pasted if wanted, then augmented.

    Raises:
        InputError: The frame has no point within range, or a sensor file cannot be read.
    """
    boxes = to_sensor(frame.boxes, frame.global_SE3_lidar, detector.class_names)
    points = load_points(frame, root, detector)
    check_in_range(points, frame, detector)
    if pasting is not None:
        points, boxes = pasting(points, boxes, rng)
    points = augmentation.apply_to_points(points)
    return points, make_targets(augmentation.apply_to_boxes(boxes), detector)


def collate(samples: Sequence[tuple[NDArrayFloat32, Targets]]) -> Batch:
    """Stack frames; points and boxes of all frames follow each other."""
    points, targets = zip(*samples, strict=True)
    return Batch(
        points=torch.from_numpy(np.concatenate(points)),
        point_frame=_owners(points),
        heatmap=torch.from_numpy(np.stack([target.heatmap for target in targets])),
        box_frame=_owners([target.row for target in targets]),
        class_index=torch.from_numpy(np.concatenate([target.class_index for target in targets])),
        row=torch.from_numpy(np.concatenate([target.row for target in targets])),
        column=torch.from_numpy(np.concatenate([target.column for target in targets])),
        code=torch.from_numpy(np.concatenate([target.code for target in targets])),
    )


def read_ahead(build: Callable[[int], ItemT], count: int) -> Iterator[ItemT]:
    """`build(0)` to `build(count - 1)` in order, made by threads while the caller computes."""
    with ThreadPoolExecutor(_READERS) as pool:
        pending = deque(pool.submit(build, index) for index in range(min(_READERS, count)))
        for index in range(count):
            item = pending.popleft().result()
            if index + _READERS < count:
                pending.append(pool.submit(build, index + _READERS))
            yield item


def _owners(ragged: Sequence[NDArrayFloat32 | NDArrayInt]) -> Tensor:
    """Index of the array that each row of the concatenation comes from."""
    return torch.from_numpy(np.repeat(np.arange(len(ragged)), [len(rows) for rows in ragged]))
