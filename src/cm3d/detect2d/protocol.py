"""What a 2D detector is to this project."""

from typing import Protocol

from cm3d.tables import Boxes2D, Cameras


class Detector2D(Protocol):
    """An open-vocabulary detector, or whatever stands in for one."""

    def detect(self, scene_name: str, cameras: Cameras) -> Boxes2D:
        """Detect objects of the ten classes on the images of one scene.

        Args:
            scene_name: The drive that the images belong to.
            cameras: The images.

        Returns:
            Boxes in pixels of the stored images, in any order, overlapping, with any score; the
            caller thresholds, suppresses and numbers them. `detection_id` has no meaning yet.
        """
        ...
