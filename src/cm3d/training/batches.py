"""From keyframes to batches of tensors."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor

from cm3d.geometry.arrays import NDArrayFloat32
from cm3d.models.box_code import BoxTensors
from cm3d.models.sensor_boxes import SensorBoxes


@dataclass(frozen=True, eq=False)
class Sample:
    """One augmented keyframe.

    Args:
        token: Key of the keyframe.
        points: (P, 5), see `models.voxelization.POINT_CHANNELS`.
        boxes: What is to be learned, LiDAR frame.
    """

    token: str
    points: NDArrayFloat32
    boxes: SensorBoxes


@dataclass(frozen=True, eq=False)
class Batch:
    """B frames as flat tensors: ragged rows carry the frame that they belong to.

    Args:
        tokens: Keys of the keyframes.
        points: (P, 5), see `models.voxelization.POINT_CHANNELS`.
        point_frame: (P,).
        boxes: N boxes.
        box_frame: (N,).
        class_index: (N,).
    """

    tokens: tuple[str, ...]
    points: Tensor
    point_frame: Tensor
    boxes: BoxTensors
    box_frame: Tensor
    class_index: Tensor

    @property
    def frames(self) -> int:
        """Number of frames, B."""
        return len(self.tokens)

    def to(self, device: torch.device) -> Self:
        """A copy on the device."""
        return self._map(lambda values: values.to(device, non_blocking=True))

    def pin_memory(self) -> Self:
        """A copy that a GPU fetches by itself; the data loader calls it by this name."""
        return self._map(Tensor.pin_memory)

    def _map(self, change: Callable[[Tensor], Tensor]) -> Self:
        return type(self)(
            tokens=self.tokens,
            points=change(self.points),
            point_frame=change(self.point_frame),
            boxes=self.boxes.map(change),
            box_frame=change(self.box_frame),
            class_index=change(self.class_index),
        )


def collate(samples: Sequence[Sample]) -> Batch:
    """Stack frames; points and boxes of all frames follow each other."""
    boxes = SensorBoxes.concatenate([sample.boxes for sample in samples])
    return Batch(
        tokens=tuple(sample.token for sample in samples),
        points=torch.from_numpy(np.concatenate([sample.points for sample in samples])),
        point_frame=_owners([len(sample.points) for sample in samples]),
        boxes=BoxTensors(
            *(
                torch.from_numpy(values).float()
                for values in (boxes.center_m, boxes.size_m, boxes.yaw_rad, boxes.velocity_mps)
            )
        ),
        box_frame=_owners([len(sample.boxes) for sample in samples]),
        class_index=torch.from_numpy(boxes.class_index),
    )


def _owners(lengths: Sequence[int]) -> Tensor:
    """Index of the frame that each row of the concatenation comes from."""
    return torch.repeat_interleave(torch.arange(len(lengths)), torch.tensor(lengths))
