"""What a 2D detector is to this project."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cm3d import params
from cm3d.geometry.arrays import NDArrayFloat, NDArrayObject
from cm3d.shelf.prepared import Prepare, Prepared
from cm3d.tables import Boxes2D, Cameras, layout
from cm3d.tables.noted import Noted
from cm3d.taxonomy import Taxonomy


@dataclass(frozen=True)
class Setting:
    """What every backend is built from.

    Args:
        detect2d: Parameters of the stage; a backend's own section has the name of its package.
        execution: Where and in what portions networks run.
        taxonomy: The classes to find.
        root: Folder of the data set, which paths of images start from.
        cameras: Folder of the index's tables of images, of all scenes.
    """

    detect2d: params.Detect2D
    execution: params.Execution
    taxonomy: Taxonomy
    root: Path
    cameras: Path = layout.CAMERAS


@dataclass(frozen=True, eq=False)
class ImageBoxes:
    """Detections on one image.

    Args:
        class_name: (N,) of the taxonomy.
        score: (N,) in [0, 1].
        box_px: (N, 4) x_min, y_min, x_max, y_max, pixels of the image that was prepared.
        unmatched: Phrases of detections that are no class's; those were dropped.
    """

    class_name: NDArrayObject
    score: NDArrayFloat
    box_px: NDArrayFloat
    unmatched: tuple[str, ...] = ()


class ImageDetector(Protocol):
    """A network that looks at pixels: an adapter of a shelf model.

    What it says of an image does not depend on the batch that the image is in.
    """

    @property
    def prepare(self) -> Prepare:
        """From an RGB image to what `detect` takes; runs in other processes."""
        ...

    def detect(self, batch: Sequence[Prepared]) -> list[ImageBoxes]:
        """Detect objects of the taxonomy's classes.

        Args:
            batch: Images of equal shapes, prepared.

        Returns:
            Boxes of each, in any order, overlapping, with any score; the caller thresholds and
            suppresses them.
        """
        ...


class Detector2D(Protocol):
    """Anything that says what is on the images of a scene: what a backend builds."""

    def detect(self, scene_name: str, cameras: Cameras) -> Noted[Boxes2D]:
        """Detect objects of the taxonomy's classes on the images of one scene.

        Args:
            scene_name: The drive that the images belong to.
            cameras: The images.

        Returns:
            Boxes in pixels of the stored images, in any order, overlapping, with any score; the
            caller thresholds, suppresses and numbers them. `detection_id` has no meaning yet.
            What could not be used is noted.
        """
        ...
