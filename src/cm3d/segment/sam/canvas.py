"""The square that a network of the SAM family sees, and how an image is laid into it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from cm3d.errors import InputError
from cm3d.geometry.arrays import NDArrayByte, NDArrayFloat
from cm3d.params import read_json
from cm3d.shelf.prepared import Prepared

# Since transformers 5 a processor may hold the image processor in its own file.
_CONFIGS = ("preprocessor_config.json", "processor_config.json")


@dataclass(frozen=True)
class Canvas:
    """Calling it prepares an image; picklable, without torch.

    Args:
        side_px: Of the square.
        keep_aspect: Whether the longer side of an image fills it and the rest is padding at the
            right or below (SAM), or the image is stretched over it (SAM 2).
        mean: Of red, green and blue in [0, 1].
        std: Likewise.
    """

    side_px: int
    keep_aspect: bool
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    @classmethod
    def read(cls, folder: Path) -> "Canvas":
        """The canvas that the image processor in a model's folder describes.

        Raises:
            InputError: There is no such description, or it is of something else.
        """
        config = _image_processor(folder)
        try:
            extent = config["size"]
            keep_aspect = "longest_edge" in extent
            side_px = extent["longest_edge"] if keep_aspect else extent["height"]
            square = config["pad_size"] if keep_aspect else extent
            mean, std = tuple(config["image_mean"]), tuple(config["image_std"])
        except KeyError as error:
            raise InputError(f"{folder}: its image processor has no {error}") from error
        if (square["height"], square["width"]) != (side_px, side_px):
            raise InputError(f"{folder}: images are not laid into a square; take another model")
        return cls(side_px, keep_aspect, mean, std)

    def __call__(self, image: NDArrayByte) -> Prepared:
        """The image (H, W, 3) RGB scaled for the canvas, and what it was before.

        Pixels stay bytes, unpadded: a quarter of what the network takes, to cross processes.
        """
        shape_px = image.shape[0], image.shape[1]
        height_px, width_px = self.scaled_shape(shape_px)
        scaled = Image.fromarray(image).resize((width_px, height_px), Image.Resampling.BILINEAR)
        return {"pixels": np.asarray(scaled), "shape_px": np.array(shape_px)}

    def scaled_shape(self, shape_px: tuple[int, int]) -> tuple[int, int]:
        """Height and width that an image of this height and width has on the canvas."""
        if not self.keep_aspect:
            return self.side_px, self.side_px
        scale = self.side_px / max(shape_px)
        height_px, width_px = (max(int(length_px * scale + 0.5), 1) for length_px in shape_px)
        return height_px, width_px

    def on_canvas(self, xy_px: NDArrayFloat, shape_px: tuple[int, int]) -> NDArrayFloat:
        """Where positions (..., 2) on an image of this height and width lie on the canvas."""
        scale = np.divide(self.scaled_shape(shape_px), shape_px)
        return np.asarray(xy_px * scale[::-1])


def _image_processor(folder: Path) -> dict[str, Any]:
    for name in _CONFIGS:
        if (folder / name).is_file():
            content = read_json(folder / name, "fetch it again")
            config: dict[str, Any] = content.get("image_processor", content)
            if "size" in config:
                return config
    raise InputError(f"{folder}: no image processor in {' or '.join(_CONFIGS)}; fetch them again")
