"""Images to run shelf models on, and boxes on them."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from benchmarks.keyframes import REAL_KEYFRAME
from cm3d.geometry.arrays import NDArrayFloat
from cm3d.tables import Boxes2D, Cameras

BOXES_PER_IMAGE: Final = 10
_WIDTH_PX, _HEIGHT_PX = 1600, 900
_CHANNELS: Final = 6


@dataclass(frozen=True, eq=False)
class Scene:
    """Images as the stages find them.

    Args:
        root: Root folder of their paths.
        cameras: The images.
        boxes: Boxes to outline objects in.
    """

    root: Path
    cameras: Cameras
    boxes: Boxes2D

    def __len__(self) -> int:
        """How many images."""
        return len(self.cameras)

    def first(self, images: int) -> "Scene":
        """The first few images."""
        return Scene(self.root, self.cameras[np.arange(min(images, len(self)))], self.boxes)

    def images(self) -> Iterator[tuple[Path, NDArrayFloat]]:
        """File and boxes (N, 4) of each image."""
        for path, token in zip(self.cameras.path, self.cameras.camera_token, strict=True):
            on_image = self.boxes.camera_token == token
            yield self.root / str(path), self.boxes.box_px[on_image]


def write_scene(folder: Path, images: int) -> Scene:
    """A scene of the real keyframe's images ($CM3D_REAL_KEYFRAME) or, without it, of noise.

    Args:
        folder: Where the image files are written.
        images: How many; after six the files repeat.
    """
    real = sorted(REAL_KEYFRAME.glob("samples/CAM_*/*.jpg"))
    for index in range(_CHANNELS):
        file = folder / f"{index}.jpg"
        if real:
            shutil.copy(real[index % len(real)], file)
        else:
            cv2.imwrite(str(file), _noise(index))
    return Scene(folder, _cameras(images), _boxes(images))


def _noise(seed: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (18, 32, 3), dtype=np.uint8)
    smooth = cv2.resize(coarse, (_WIDTH_PX, _HEIGHT_PX), interpolation=cv2.INTER_LINEAR)
    grain = rng.normal(0, 8, smooth.shape)
    return np.clip(smooth + grain, 0, 255).astype(np.uint8)


def _cameras(images: int) -> Cameras:
    return Cameras.from_columns(
        camera_token=_tokens(images),
        sample_token=[f"frame-{index // _CHANNELS:04d}" for index in range(images)],
        channel=[f"CAM_{index % _CHANNELS}" for index in range(images)],
        path=[f"{index % _CHANNELS}.jpg" for index in range(images)],
        width_px=[_WIDTH_PX] * images,
        height_px=[_HEIGHT_PX] * images,
        intrinsics_px=[[1260, 0, 800, 0, 1260, 450, 0, 0, 1]] * images,
        global_SE3_camera=[[1, 0, 0, 0, 0, 0, 1.5]] * images,
    )


def _boxes(images: int) -> Boxes2D:
    """Boxes of 40 to 400 px anywhere on the images."""
    rng, count = np.random.default_rng(0), images * BOXES_PER_IMAGE
    extent_px = rng.uniform(40, 400, (count, 2))
    low_px = rng.uniform(0, 1, (count, 2)) * ([_WIDTH_PX, _HEIGHT_PX] - extent_px)
    return Boxes2D.from_columns(
        camera_token=np.repeat(_tokens(images), BOXES_PER_IMAGE),
        detection_id=np.arange(count),
        class_name=np.full(count, "car", dtype=object),
        score=np.ones(count),
        box_px=np.concatenate([low_px, low_px + extent_px], axis=1),
    )


def _tokens(images: int) -> list[str]:
    return [f"image-{index:05d}" for index in range(images)]
