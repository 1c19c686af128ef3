"""The embedded data set's own detector."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from cm3d.detect2d.common.protocol import ImageBoxes, Setting
from cm3d.geometry.arrays import NDArrayByte, NDArrayInt
from cm3d.geometry.overlap import image_iou, overlap_nms
from cm3d.shelf.prepared import Prepare, Prepared, stack
from cm3d.shelf.runtime import Runtime, in_full_precision
from cm3d.simulation.classes import CLASS_NAMES, names_in
from cm3d.simulation.networks.detector import (
    DetectorNetwork,
    Maxima,
    at_working_size,
    decode,
    working_scale,
)
from cm3d.simulation.networks.weights import DETECTOR, load_weights
from cm3d.taxonomy import Taxonomy


class SimnetDetector:
    """Meets `protocol.ImageDetector`; knows the simulator's streets and nothing else."""

    def __init__(
        self,
        network: DetectorNetwork,
        min_score: float,
        nms_iou: float,
        taxonomy: Taxonomy,
        runtime: Runtime,
    ) -> None:
        """Put the network on the runtime's device.

        Args:
            network: Trained, its normalisation folded.
            min_score: Boxes of less are left out.
            nms_iou: Of two boxes of a class that overlap by more the better stays: maxima on one
                object give nearly the same box, objects that stand before each other seldom do.
            taxonomy: Classes to find; what is of none of them is dropped.
            runtime: How to compute.
        """
        self._network, self._runtime = network.to(runtime.device), runtime
        self._min_score, self._nms_iou, self._taxonomy = min_score, nms_iou, taxonomy
        names = names_in(taxonomy)
        # Of a channel of the network; -1 where the taxonomy has no such class.
        self._class_of = np.array(
            [taxonomy.class_names.index(names[n]) if n in names else -1 for n in CLASS_NAMES]
        )

    @property
    def prepare(self) -> Prepare:
        """Scales an image to what the network was trained on."""
        return prepare

    def detect(self, batch: Sequence[Prepared]) -> list[ImageBoxes]:
        """Detect objects."""
        pixels = torch.from_numpy(stack(batch, "pixels")).to(self._runtime.device)
        with self._runtime.inference():
            # Bytes are stored with the channels last, which the network computes in.
            logits, sides_px = self._network(pixels.permute(0, 3, 1, 2).float() / 255)
            decoded = decode(logits, sides_px, self._min_score)
        return [
            self._image_boxes(objects, prepared["size_px"])
            for objects, prepared in zip(decoded, batch, strict=True)
        ]

    def _image_boxes(self, objects: Maxima, size_px: NDArrayInt) -> ImageBoxes:
        channel, score, box_px = (part.cpu().numpy() for part in objects)
        class_index = self._class_of[channel]
        known = class_index >= 0
        class_index, score, box_px = class_index[known], score[known], box_px[known]
        kept = overlap_nms(image_iou(box_px, box_px), score, class_index, self._nms_iou)
        scale = working_scale(int(size_px[0]), int(size_px[1]))
        return ImageBoxes(
            self._taxonomy.name_array[class_index[kept]],
            score[kept].astype(np.float64),
            box_px[kept].astype(np.float64) / scale,
        )


def build_simnet(setting: Setting) -> SimnetDetector:
    """The detector with the weights that come with the code.

    Raises:
        InputError: The weights are missing or broken, or there is no GPU to be had.
    """
    detect2d = setting.detect2d
    runtime = Runtime.choose(setting.execution.device, detect2d.precision)
    network: Any = load_weights(DetectorNetwork(), DETECTOR)
    network.sides.forward = in_full_precision(network.sides.forward)
    min_score, nms_iou = detect2d.min_score, detect2d.simnet.nms_iou
    return SimnetDetector(network, min_score, nms_iou, setting.taxonomy, runtime)


def prepare(image: NDArrayByte) -> Prepared:
    """From an RGB image (H, W, 3) to `pixels` (h, w, 3) and `size_px` (H, W)."""
    return {"pixels": at_working_size(image), "size_px": np.array(image.shape[:2])}
