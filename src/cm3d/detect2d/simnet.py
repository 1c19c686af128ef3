"""The embedded data set's own detector."""

from collections.abc import Sequence

import numpy as np
import torch

from cm3d import params
from cm3d.detect2d.protocol import ImageBoxes
from cm3d.geometry.arrays import NDArrayByte, NDArrayInt
from cm3d.geometry.iou import image_iou
from cm3d.geometry.nms import overlap_nms
from cm3d.shelf.prepared import Prepare, Prepared, stack
from cm3d.shelf.runtime import Runtime
from cm3d.simnet.decode import Maxima, decode
from cm3d.simnet.detector import DetectorNetwork
from cm3d.simnet.weights import DETECTOR, load_weights
from cm3d.simnet.working_size import at_working_size, working_scale
from cm3d.tables.vocabulary import CLASS_NAMES

# Two maxima on one object give nearly the same box; objects of a class that stand before each
# other seldom do.
_NMS_IOU = 0.6


class SimnetDetector:
    """Meets `protocol.ImageDetector`; knows the simulator's streets and nothing else."""

    def __init__(self, network: DetectorNetwork, min_score: float, runtime: Runtime) -> None:
        """Put the network on the runtime's device.

        Args:
            network: Trained, its normalisation folded.
            min_score: Boxes of less are left out.
            runtime: How to compute.
        """
        self._network, self._runtime = network.to(runtime.device), runtime
        self._min_score = min_score

    @property
    def prepare(self) -> Prepare:
        """Scales an image to what the network was trained on."""
        return prepare

    def detect(self, batch: Sequence[Prepared]) -> list[ImageBoxes]:
        """Detect objects of the ten classes."""
        pixels = torch.from_numpy(stack(batch, "pixels")).to(self._runtime.device)
        with self._runtime.inference():
            # Bytes are stored with the channels last, which the network computes in.
            logits, sides_px = self._network(pixels.permute(0, 3, 1, 2).float() / 255)
            decoded = decode(logits, sides_px, self._min_score)
        return [
            _image_boxes(objects, prepared["size_px"])
            for objects, prepared in zip(decoded, batch, strict=True)
        ]


def build_simnet(detect2d: params.Detect2D, execution: params.Execution) -> SimnetDetector:
    """The detector with the weights that come with the code.

    Raises:
        InputError: The weights are missing or broken, or there is no GPU to be had.
    """
    runtime = Runtime.choose(execution.device, detect2d.precision)
    network = load_weights(DetectorNetwork(), DETECTOR)
    return SimnetDetector(network, detect2d.min_score, runtime)


def prepare(image: NDArrayByte) -> Prepared:
    """From an RGB image (H, W, 3) to `pixels` (h, w, 3) and `size_px` (H, W)."""
    return {"pixels": at_working_size(image), "size_px": np.array(image.shape[:2])}


def _image_boxes(objects: Maxima, size_px: NDArrayInt) -> ImageBoxes:
    class_index, score, box_px = (part.cpu().numpy() for part in objects)
    kept = overlap_nms(image_iou(box_px, box_px), score, class_index, _NMS_IOU)
    scale = working_scale(int(size_px[0]), int(size_px[1]))
    return ImageBoxes(
        np.array(CLASS_NAMES, dtype=object)[class_index[kept]],
        score[kept].astype(np.float64),
        box_px[kept].astype(np.float64) / scale,
    )
