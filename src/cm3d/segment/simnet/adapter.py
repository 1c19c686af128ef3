"""The embedded data set's own masks."""

from collections.abc import Sequence

import numpy as np
import torch

from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat
from cm3d.segment.common.protocol import Setting
from cm3d.shelf.prepared import Prepare, Prepared, as_is
from cm3d.shelf.runtime import Runtime
from cm3d.simulation.networks.segmenter import SegmenterNetwork, cut_crops, frames_of, paste_masks
from cm3d.simulation.networks.weights import SEGMENTER, load_weights


class SimnetSegmenter:
    """Meets `protocol.ImageSegmenter`; knows the simulator's objects and nothing else."""

    def __init__(self, network: SegmenterNetwork, runtime: Runtime) -> None:
        """Put the network on the runtime's device.

        Args:
            network: Trained, its normalisation folded.
            runtime: How to compute.
        """
        self._network, self._runtime = network.to(runtime.device), runtime

    @property
    def prepare(self) -> Prepare:
        """The image as it is."""
        return as_is

    def segment(
        self, batch: Sequence[Prepared], boxes_px: Sequence[NDArrayFloat]
    ) -> list[NDArrayBool]:
        """Outline the object in each box, the boxes of all images at once."""
        images = [torch.from_numpy(one["image"]).to(self._runtime.device) for one in batch]
        visible_px = [_visible(boxes, one) for boxes, one in zip(boxes_px, images, strict=True)]
        frames_px = [frames_of(boxes) for boxes in visible_px]
        with self._runtime.inference():
            pairs = zip(images, frames_px, strict=True)
            crops = torch.cat([cut_crops(_as_float(image), frames) for image, frames in pairs])
            probability = torch.sigmoid(self._network(crops).float())
            parts = torch.split(probability, [len(frames) for frames in frames_px])
            return [
                _pasted(part, boxes, frames, image)
                for part, boxes, frames, image in zip(
                    parts, visible_px, frames_px, images, strict=True
                )
            ]


def build_simnet(setting: Setting) -> SimnetSegmenter:
    """The mask network with the weights that come with the code.

    Raises:
        InputError: The weights are missing or broken, or there is no GPU to be had.
    """
    runtime = Runtime.choose(setting.execution.device, setting.segment.precision)
    return SimnetSegmenter(load_weights(SegmenterNetwork(), SEGMENTER), runtime)


def _visible(boxes_px: NDArrayFloat, image: torch.Tensor) -> torch.Tensor:
    """Boxes (N, 4) cut to their image (H, W, 3); those beside it become empty."""
    limits_px = [image.shape[1], image.shape[0]] * 2
    clipped = np.clip(boxes_px.reshape(-1, 4), 0, limits_px).astype(np.float32)
    return torch.from_numpy(clipped).to(image.device)


def _as_float(image: torch.Tensor) -> torch.Tensor:
    return image.permute(2, 0, 1).float() / 255


def _pasted(
    probability: torch.Tensor, boxes_px: torch.Tensor, frames_px: torch.Tensor, image: torch.Tensor
) -> NDArrayBool:
    height_px, width_px = image.shape[:2]
    masks = paste_masks(probability, frames_px, width_px, height_px)
    is_empty = (boxes_px[:, 2:] <= boxes_px[:, :2]).any(dim=1)
    masks[is_empty] = False
    return np.asarray(masks.cpu().numpy())
