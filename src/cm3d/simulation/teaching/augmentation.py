"""Photographs varied: place and scale of the view, exposure, colours, fog and rain."""

from typing import Final

import cv2
import numpy as np
from numpy.random import Generator

from cm3d.geometry.arrays import NDArrayByte, NDArrayFloat, NDArrayFloat32
from cm3d.simulation.teaching.drives import Photograph

_GREY: Final = 115.0
_USUAL_SCALE: Final = (0.9, 1.1)
_ANY_SCALE: Final = (0.45, 1.5)
_USUAL_SHARE: Final = 0.5
_RAIN_STREAKS: Final = 250


def random_view(
    photograph: Photograph, width_px: int, height_px: int, rng: Generator
) -> Photograph:
    """A crop at a random place and scale, perhaps mirrored; grey where the image ends."""
    image_height_px, image_width_px = photograph.instance_id.shape
    usual = rng.random() < _USUAL_SHARE
    low, high = np.log(_USUAL_SCALE if usual else _ANY_SCALE)
    scale = float(np.exp(rng.uniform(low, high)))
    mirror = -1.0 if rng.random() < 0.5 else 1.0
    size_px = np.array([image_width_px, image_height_px]) * scale
    slack_px = np.array([width_px, height_px]) - size_px
    start_px = rng.uniform(np.minimum(slack_px, 0), np.maximum(slack_px, 0))
    view_of_image = np.array([[scale * mirror, 0, start_px[0]], [0, scale, start_px[1]]])
    if mirror < 0:
        view_of_image[0, 2] += size_px[0]
    # Pixels are areas: the middle of the first is at 0.5.
    view_of_image[:, 2] += view_of_image[:, :2] @ [0.5, 0.5] - 0.5
    return Photograph(
        _warped(photograph.rgb, view_of_image, (width_px, height_px), scale),
        np.asarray(
            cv2.warpAffine(
                photograph.instance_id,
                view_of_image,
                (width_px, height_px),
                flags=cv2.INTER_NEAREST,
            ),
            dtype=np.uint16,
        ),
        photograph.class_of,
    )


def _warped(
    rgb: NDArrayByte, view_of_image: NDArrayFloat, size_px: tuple[int, int], scale: float
) -> NDArrayByte:
    if scale < 0.8:
        rgb = np.asarray(cv2.GaussianBlur(rgb, (0, 0), 0.35 / scale))
    border = (_GREY, _GREY, _GREY)
    return np.asarray(cv2.warpAffine(rgb, view_of_image, size_px, borderValue=border))


def disturbed(rgb: NDArrayByte, rng: Generator) -> NDArrayByte:
    """Other exposure, colours and sharpness; sometimes fog or rain, sometimes a coarse JPEG."""
    image = rgb.astype(np.float32)
    image = _exposed(image, rng)
    if rng.random() < 0.1:
        image = _in_fog(image, rng)
    if rng.random() < 0.1:
        image = _in_rain(image, rng)
    if rng.random() < 0.15:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.2)), np.float32)
    if rng.random() < 0.5:
        noise = rng.standard_normal(image.shape[:2], dtype=np.float32)
        image = image + noise[..., None] * np.float32(rng.uniform(0, 8))
    out = np.clip(np.rint(image), 0, 255).astype(np.uint8)
    if rng.random() < 0.2:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(35, 90))]
        coarse = cv2.imdecode(cv2.imencode(".jpg", out, quality)[1], cv2.IMREAD_COLOR)
        return np.asarray(coarse, dtype=np.uint8)
    return out


def _exposed(image: NDArrayFloat32, rng: Generator) -> NDArrayFloat32:
    gain = rng.uniform(0.75, 1.3) * rng.uniform(0.92, 1.08, 3)
    middle, contrast = image.mean(), rng.uniform(0.75, 1.25)
    grey = image.mean(axis=2, keepdims=True)
    image = grey + np.float32(rng.uniform(0.6, 1.4)) * (image - grey)
    return np.asarray((middle + contrast * (image - middle)) * gain, dtype=np.float32)


def _in_fog(image: NDArrayFloat32, rng: Generator) -> NDArrayFloat32:
    share = np.float32(rng.uniform(0.1, 0.5))
    return np.asarray(image + share * (np.float32(rng.uniform(140, 220)) - image))


def _in_rain(image: NDArrayFloat32, rng: Generator) -> NDArrayFloat32:
    height_px, width_px = image.shape[:2]
    count = int(rng.integers(_RAIN_STREAKS // 5, _RAIN_STREAKS))
    start = rng.uniform((0, 0), (width_px, height_px), (count, 2))
    fall = np.array([rng.uniform(-6, 6), rng.uniform(8, 24)])
    streaks = np.rint(np.stack([start, start + fall], axis=1)).astype(np.int32)
    layer = np.zeros((height_px, width_px), dtype=np.float32)
    cv2.polylines(layer, list(streaks), False, [float(rng.uniform(0.15, 0.4))])
    return np.asarray(image + layer[..., None] * (np.float32(220) - image))
