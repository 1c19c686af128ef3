"""What detectors are given: samples of keyframes, stacked into batches of tensors."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from cm3d.detectors.boxes import SensorBoxes
from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat32
from cm3d.geometry.rows import Rows


class Tensors:
    """Base of frozen dataclasses of tensors, further `Tensors`, and plain values."""

    def map(self, change: Callable[[Tensor], Tensor]) -> Self:
        """The same with each tensor changed alike."""
        declared: Any = self
        return type(self)(
            **{f.name: _changed(getattr(self, f.name), change) for f in fields(declared)}
        )

    def to(self, device: torch.device) -> Self:
        """A copy on the device."""
        return self.map(lambda values: values.to(device, non_blocking=True))

    def pin_memory(self) -> Self:
        """A copy that a GPU fetches by itself; the data loader calls it by this name."""
        return self.map(Tensor.pin_memory)


@dataclass(frozen=True, eq=False)
class BoxTensors(Rows, Tensors):
    """N boxes in the LiDAR frame, on a device; see `SensorBoxes`.

    Args:
        center_m: (N, 3).
        size_m: (N, 3) length, width, height.
        yaw_rad: (N,).
        velocity_mps: (N, 2), NaN where unknown.
    """

    center_m: Tensor
    size_m: Tensor
    yaw_rad: Tensor
    velocity_mps: Tensor


@dataclass(frozen=True, eq=False)
class LabelTensors(Rows, Tensors):
    """The boxes that are to be learned, of all frames of a batch, N in all.

    Args:
        frame: (N,) frame of the batch that a box belongs to.
        class_index: (N,) in the detector's list of classes.
        weight: (N,) with which a box is learned, in [0, 1]: 1 fully, 0 not at all; there may or may
            not be an object then, and its place is neither object nor background ("ignored").
        boxes: (N) where they are.
    """

    frame: Tensor
    class_index: Tensor
    weight: Tensor
    boxes: BoxTensors


@dataclass(frozen=True, eq=False)
class Points(Tensors):
    """LiDAR points of all frames of a batch, P in all.

    Args:
        values: (P, 5) x, y, z in metres (LiDAR frame), intensity in [0, 1], age in seconds.
        frame: (P,) frame of the batch that a point belongs to.
    """

    values: Tensor
    frame: Tensor


@dataclass(frozen=True, eq=False)
class Images(Tensors):
    """N camera images of a keyframe with their matrices; in a batch B leads every shape.

    Args:
        pixels: (N, 3, H, W) RGB of 8 bits, augmented.
        intrinsics_px: (N, 3, 3) of the images as stored.
        lidar_SE3_camera: (N, 4, 4) at the keyframe, before augmentation.
        image_augmentation: (N, 3, 3) from homogeneous pixels as stored to `pixels`.
        lidar_augmentation: (4, 4) from the LiDAR frame to that of points and boxes.
        seen: (N,) whether there is such an image; where there is none, pixels are black.
    """

    pixels: Tensor
    intrinsics_px: Tensor
    lidar_SE3_camera: Tensor
    image_augmentation: Tensor
    lidar_augmentation: Tensor
    seen: Tensor


@dataclass(frozen=True, eq=False)
class Inputs(Tensors):
    """What a detector sees of a batch of frames; None is what it does not ask for.

    Args:
        frames: How many, B.
        points: LiDAR.
        images: Cameras.
    """

    frames: int
    points: Points | None
    images: Images | None = None


@dataclass(frozen=True, eq=False)
class Batch(Tensors):
    """What a detector learns from in one step.

    Args:
        tokens: Keys of the B keyframes.
        inputs: What it sees.
        labels: The boxes that it should find.
        maps: (B, classes, rows, columns) whether the ground is of a class, see `GroundMap.masks`;
            None where it should not say so.
        unreadable: Image files that the samples should have had.
    """

    tokens: tuple[str, ...]
    inputs: Inputs
    labels: LabelTensors
    maps: Tensor | None = None
    unreadable: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Sample:
    """One keyframe, augmented alike in all its parts.

    Args:
        token: Key of the keyframe.
        points: (P, 5), see `Points`; None where the detector sees no LiDAR.
        boxes: What is to be learned, LiDAR frame; their score is the weight of `LabelTensors`.
        images: Without B; None where the detector sees no cameras.
        maps: (classes, rows, columns), see `Batch`.
        unreadable: Image files that it should have had.
    """

    token: str
    points: NDArrayFloat32 | None
    boxes: SensorBoxes
    images: Images | None = None
    maps: NDArrayBool | None = None
    unreadable: tuple[str, ...] = ()


def stack_inputs(samples: Sequence[Sample]) -> Inputs:
    """Frames as one; points of all frames follow each other."""
    clouds = [sample.points for sample in samples if sample.points is not None]
    views = [sample.images for sample in samples if sample.images is not None]
    points, images = None, None
    if clouds:
        points = Points(torch.from_numpy(np.concatenate(clouds)), _owners(list(map(len, clouds))))
    if views:
        names = [field.name for field in fields(Images)]
        images = Images(*(torch.stack([getattr(view, n) for view in views]) for n in names))
    return Inputs(len(samples), points, images)


def collate(samples: Sequence[Sample]) -> Batch:
    """Frames with what is to be learned; boxes of all frames follow each other."""
    boxes = SensorBoxes.concatenate(sample.boxes for sample in samples)
    columns = (boxes.center_m, boxes.size_m, boxes.yaw_rad, boxes.velocity_mps)
    labels = LabelTensors(
        frame=_owners([len(sample.boxes) for sample in samples]),
        class_index=torch.from_numpy(boxes.class_index),
        weight=torch.from_numpy(boxes.score).float(),
        boxes=BoxTensors(*(torch.from_numpy(column).float() for column in columns)),
    )
    masks = [torch.from_numpy(sample.maps) for sample in samples if sample.maps is not None]
    maps = torch.stack(masks) if masks else None
    return Batch(
        tokens=tuple(sample.token for sample in samples),
        inputs=stack_inputs(samples),
        labels=labels,
        maps=maps,
        unreadable=tuple(path for sample in samples for path in sample.unreadable),
    )


def _owners(lengths: Sequence[int]) -> Tensor:
    """Index of the frame that each row of the concatenation comes from."""
    return torch.repeat_interleave(torch.arange(len(lengths)), torch.tensor(lengths))


def _changed(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    if isinstance(value, Tensors):
        return value.map(change)
    return change(value) if isinstance(value, Tensor) else value
