"""Camera images of a keyframe, as the network wants them, with what was done to their pixels."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import cv2
import numpy as np
import torch

from cm3d.detectors.inputs import Images
from cm3d.detectors.ranks import rank
from cm3d.errors import InputError
from cm3d.execution.scenes import refuse_too_many
from cm3d.geometry.arrays import NDArrayByte, NDArrayFloat
from cm3d.geometry.se3 import SE3
from cm3d.params import Cameras
from cm3d.sensors.card import Sensors
from cm3d.sensors.images import UnreadableImageError, read_image
from cm3d.tables import Cameras as CameraTable
from cm3d.training.frames import TrainingFrame


@dataclass(frozen=True)
class ImageAugmentation:
    """Resize, crop, mirror, rotate about the middle: alike for all cameras of a frame (BEVFusion).

    Args:
        scaled_width_px: Of the whole image before it is cropped.
        left_share: Of what is too wide, cut off on the left; what is too high is cut off above.
        mirror: Left and right exchanged.
        rotation_rad: Clockwise, as the image is seen.
    """

    scaled_width_px: int
    left_share: float = 0.5
    mirror: bool = False
    rotation_rad: float = 0.0

    @classmethod
    def draw(cls, cameras: Cameras, rng: np.random.Generator) -> Self:
        """Draw uniformly within the limits of the parameters."""
        limits = cameras.min_scaled_width_px, cameras.max_scaled_width_px + 1
        width_px, share, mirror = int(rng.integers(*limits)), rng.random(), rng.random() < 0.5
        rotation_rad = rng.uniform(-cameras.max_rotation_rad, cameras.max_rotation_rad)
        return cls(width_px, share, bool(mirror and cameras.flip), rotation_rad)

    @classmethod
    def none(cls, cameras: Cameras) -> Self:
        """What every image undergoes at inference."""
        return cls(cameras.scaled_width_px)

    def matrix(self, stored_px: tuple[int, int], wanted_px: tuple[int, int]) -> NDArrayFloat:
        """From homogeneous pixels as stored to those of the network's image, (3, 3).

        Pixel centres have whole numbers in both.

        Args:
            stored_px: Width and height of the image as stored.
            wanted_px: Of the network's image.
        """
        scaled_px = self.scaled_px(stored_px)
        scale = np.array(scaled_px) / np.array(stored_px)
        left_px = round(self.left_share * (scaled_px[0] - wanted_px[0]))
        shift_px = (scale - 1) / 2 - (left_px, scaled_px[1] - wanted_px[1])
        cropped = np.array([[scale[0], 0, shift_px[0]], [0, scale[1], shift_px[1]], [0, 0, 1]])
        middle_px = (np.array(wanted_px) - 1) / 2
        sign = -1.0 if self.mirror else 1.0
        cosine, sine = np.cos(self.rotation_rad), np.sin(self.rotation_rad)
        turn = np.array([[cosine, -sine], [sine, cosine]]) @ np.diag([sign, 1.0])
        turned = np.eye(3)
        turned[:2, :2], turned[:2, 2] = turn, middle_px - turn @ middle_px
        return np.asarray(turned @ cropped)

    def scaled_px(self, stored_px: tuple[int, int]) -> tuple[int, int]:
        """Width and height of the whole image before it is cropped."""
        width_px, height_px = stored_px
        return self.scaled_width_px, max(round(height_px * self.scaled_width_px / width_px), 1)

    def apply(self, image: NDArrayByte, wanted_px: tuple[int, int]) -> NDArrayByte:
        """The network's image (height, width, 3) of an image as stored; black beyond its edges."""
        stored_px = image.shape[1], image.shape[0]
        scaled_px = self.scaled_px(stored_px)
        small = cv2.resize(image, scaled_px, interpolation=cv2.INTER_AREA)
        # resizing is done by areas, so that what is left is a motion
        stored_T_small = np.diag([*(np.array(stored_px) / np.array(scaled_px)), 1.0])
        stored_T_small[:2, 2] = (np.diag(stored_T_small)[:2] - 1) / 2
        motion = self.matrix(stored_px, wanted_px) @ stored_T_small
        return np.asarray(cv2.warpAffine(small, motion[:2], wanted_px), dtype=np.uint8)


def rig_of(frames: Sequence[TrainingFrame]) -> tuple[str, ...]:
    """Channels of the cameras that any of the frames has."""
    channels = {channel for frame in frames for channel in frame.cameras.channel}
    return tuple(sorted(channels))


def check_images(
    title: str, cameras: CameraTable, tokens: Collection[str], root: Path, max_missing: float
) -> int:
    """Look at the rows and for the files before hours are spent; no image is read.

    A camera without an image is seen as nothing, so that a folder which is not there would be
    learned from, and detected in, without a word.

    Args:
        title: Of the stage, for what it says.
        cameras: Of the keyframes, and perhaps of others.
        tokens: Of the keyframes.
        root: Of the sensor files.
        max_missing: Largest share, `execution.max_unreadable`.

    Returns:
        How many images of the keyframes the rows name.

    Raises:
        InputError: More are missing, or a keyframe has two images of a camera.
    """
    cameras = cameras[np.isin(cameras.sample_token, list(tokens))]
    views = Counter(zip(cameras.sample_token, cameras.channel, strict=True))
    for (token, channel), number in views.most_common(1):
        if number > 1:
            raise InputError(
                f"data/index/cameras: keyframe {token} has {number} images of {channel}, which "
                "must be one; mend the data set and run `dvc repro download`"
            )
    paths = [root / path for path in cameras.path]
    missing = [str(path) for path in paths if not (path.is_file() and path.stat().st_size)]
    refuse_too_many(missing, len(paths), max_missing)
    if missing and rank() == 0:
        print(f"note: {title}: {len(missing)} of {len(paths)} images are not there: {missing[0]}")
    return len(paths)


def load_images(
    frame: TrainingFrame,
    rig: Sequence[str],
    sensors: Sensors,
    wanted: Cameras,
    augmentation: ImageAugmentation,
    lidar_augmentation: NDArrayFloat,
) -> tuple[Images, tuple[str, ...]]:
    """Images of one keyframe; a camera without an image is seen as nothing.

    Args:
        frame: The keyframe.
        rig: Channels, in the order of the result.
        sensors: Where files are.
        wanted: Size of the network's images.
        augmentation: Of the pixels.
        lidar_augmentation: (4, 4) of the scene.

    Returns:
        The images, and the files that cannot be read.

    Raises:
        InputError: An image has another size than the index says.
    """
    cameras, wanted_px = frame.cameras, (wanted.width_px, wanted.height_px)
    pixels = np.zeros((len(rig), wanted.height_px, wanted.width_px, 3), dtype=np.uint8)
    intrinsics_px, to_pixels = np.stack([np.eye(3)] * len(rig)), np.stack([np.eye(3)] * len(rig))
    lidar_SE3_camera, seen = np.stack([np.eye(4)] * len(rig)), np.zeros(len(rig), dtype=bool)
    rows = {channel: row for row, channel in enumerate(cameras.channel)}
    lidar_SE3_global, unreadable = frame.global_SE3_lidar.inverse(), []
    for place, channel in enumerate(rig):
        if (row := rows.get(channel)) is None:
            continue
        stored_px = int(cameras.width_px[row]), int(cameras.height_px[row])
        try:
            image = read_image(sensors.root / cameras.path[row], stored_px)
        except UnreadableImageError:
            unreadable.append(str(sensors.root / cameras.path[row]))
            continue
        pixels[place] = augmentation.apply(image, wanted_px)
        intrinsics_px[place] = cameras.intrinsics_px[row].reshape(3, 3)
        to_pixels[place] = augmentation.matrix(stored_px, wanted_px)
        camera = SE3.from_pose(cameras.global_SE3_camera[row])
        lidar_SE3_camera[place] = (lidar_SE3_global @ camera).matrix
        seen[place] = True
    images = Images(
        pixels=torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous(),
        intrinsics_px=torch.from_numpy(intrinsics_px).float(),
        lidar_SE3_camera=torch.from_numpy(lidar_SE3_camera).float(),
        image_augmentation=torch.from_numpy(to_pixels).float(),
        lidar_augmentation=torch.from_numpy(lidar_augmentation).float(),
        seen=torch.from_numpy(seen),
    )
    return images, tuple(unreadable)


class UnreadableImages:
    """Images that a training could not read, each counted once however often it is drawn."""

    def __init__(self, frames: Sequence[TrainingFrame], limit: float) -> None:
        """Of all images of the frames a share may be unreadable, `execution.max_unreadable`."""
        by_token = {frame.sample_token: len(frame.cameras) for frame in frames}
        self._images, self._limit = sum(by_token.values()), limit
        self._paths: dict[str, None] = {}

    def add(self, paths: Iterable[str]) -> None:
        """Count those of a batch.

        Raises:
            InputError: They are too many by now.
        """
        self._paths |= dict.fromkeys(paths)
        refuse_too_many(list(self._paths), self._images, self._limit)

    def say(self, title: str) -> None:
        """Print a line if there were any."""
        if self._paths:
            first = next(iter(self._paths))
            print(f"note: {title}: {len(self._paths)} images could not be read: {first}")
