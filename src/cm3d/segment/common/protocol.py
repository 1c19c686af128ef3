"""What a mask model is to this project."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cm3d import params
from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat
from cm3d.shelf.prepared import Prepare, Prepared
from cm3d.tables import Boxes2D, Cameras, Masks, layout
from cm3d.tables.noted import Noted
from cm3d.taxonomy import Taxonomy


@dataclass(frozen=True)
class Setting:
    """What every backend is built from.

    Args:
        segment: Parameters of the stage; a backend's own section has the name of its package.
        execution: Where and in what portions networks run.
        taxonomy: The classes.
        root: Folder of the data set, which paths of images start from.
        cameras: Folder of the index's tables of images, of all scenes.
    """

    segment: params.Segment
    execution: params.Execution
    taxonomy: Taxonomy
    root: Path
    cameras: Path = layout.CAMERAS


class ImageSegmenter(Protocol):
    """SAM, or whatever else outlines what boxes on an image enclose."""

    @property
    def prepare(self) -> Prepare:
        """From an RGB image (H, W, 3) to what `segment` takes; runs in other processes."""
        ...

    def segment(
        self, batch: Sequence[Prepared], boxes_px: Sequence[NDArrayFloat]
    ) -> list[NDArrayBool]:
        """Outline the object in each box.

        Args:
            batch: Images of equal shapes, prepared.
            boxes_px: Per image (N, 4) x_min, y_min, x_max, y_max in pixels of the image that was
                prepared; boxes may be empty or leave the image.

        Returns:
            Per image (N, H, W) masks at that image's resolution; all False where a box holds no
            pixel.
        """
        ...


class Segmenter(Protocol):
    """Anything that has outlines of a scene's detections: what a backend builds."""

    def segment(self, cameras: Cameras, boxes: Boxes2D) -> Noted[Masks]:
        """Outline every detection of one scene (paper, section 3.1).

        Args:
            cameras: The images of the scene.
            boxes: Their detections.

        Returns:
            One mask per detection on these images, at the size that `working_size` gives. What
            got none is noted.
        """
        ...
