"""Networks that look at pixels, run over the images of a scene."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cm3d.detect2d.common.protocol import ImageBoxes, ImageDetector
from cm3d.params import Execution
from cm3d.shelf.images import Unreadable, image_files, read_batches
from cm3d.tables import Boxes2D, Cameras
from cm3d.tables.noted import UNREADABLE, Noted

UNMATCHED = "phrases of no class"


@dataclass(frozen=True, eq=False)
class NetworkDetector:
    """A network over the images of scenes; meets `protocol.Detector2D`.

    Args:
        network: The adapter of a shelf model.
        root: Root folder of the data set.
        execution: How many images at once, read by how many processes.
    """

    network: ImageDetector
    root: Path
    execution: Execution

    def detect(self, scene_name: str, cameras: Cameras) -> Noted[Boxes2D]:
        """Detect objects; images that cannot be read are left out.

        Raises:
            InputError: An image has another size than the index says.
        """
        ordered = cameras.sorted()
        files = image_files(ordered, self.root)
        prepare, batch_size = self.network.prepare, self.execution.image_batch
        boxes, unreadable, unmatched = [Boxes2D.empty()], [], []
        for batch in read_batches(files, prepare, batch_size, self.execution.readers):
            if isinstance(batch, Unreadable):
                unreadable.append(str(batch.path))
                continue
            found = self.network.detect(batch.images)
            boxes += _as_tables(found, ordered[np.array(batch.rows)])
            unmatched += [phrase for image in found for phrase in image.unmatched]
        left_out = {UNREADABLE: tuple(unreadable), UNMATCHED: tuple(unmatched)}
        return Noted(Boxes2D.concatenate(boxes), left_out)


def _as_tables(found: list[ImageBoxes], cameras: Cameras) -> list[Boxes2D]:
    """Detections on some images (one row of `Cameras` each)."""
    return [
        Boxes2D.from_columns(
            camera_token=np.repeat(token, len(image.score)),
            detection_id=np.zeros(len(image.score), dtype=np.int64),
            class_name=image.class_name,
            score=image.score,
            box_px=image.box_px,
        )
        for image, token in zip(found, cameras.camera_token, strict=True)
    ]
