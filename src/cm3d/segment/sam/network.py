"""Images in, logits of masks at the images' resolution out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
import torch
from torch.nn.functional import interpolate, pad

from cm3d.geometry.arrays import NDArrayFloat
from cm3d.segment.sam.canvas import Canvas
from cm3d.shelf.prepared import Prepared, stack
from cm3d.shelf.runtime import Runtime

# What a network computes of one image before it is prompted, by name.
Embedding: TypeAlias = dict[str, torch.Tensor | list[torch.Tensor]]


class PromptedNetwork(Protocol):
    """An encoder of images and a decoder of masks; coordinates are pixels of the canvas."""

    def embed(self, pixels: torch.Tensor) -> list[Embedding]:
        """Encode normalised images (B, 3, side, side), one embedding each."""
        ...

    def from_boxes(self, embedding: Embedding, boxes_px: torch.Tensor) -> torch.Tensor:
        """Logits (N, h, w) of one mask for each of (N, 4) boxes, on a coarse canvas."""
        ...

    def from_points(
        self, embedding: Embedding, points_px: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits (N, 3, h, w) of masks of whole, part and subpart at (N, 2) points.

        The second tensor is (N, 3), the IoU that the network expects of each.
        """
        ...


@dataclass(frozen=True, eq=False)
class EmbeddedImage:
    """An image that can be prompted.

    Args:
        embedding: What the network made of it.
        shape_px: Its height and width.
    """

    embedding: Embedding
    shape_px: tuple[int, int]


@dataclass(frozen=True, eq=False)
class Sam:
    """A network with its canvas, on a device. Prompts and masks are in pixels of the images.

    Args:
        network: On the device of `runtime`.
        canvas: How images are laid before it; prepares them.
        runtime: Where and how exactly it computes.
    """

    network: PromptedNetwork
    canvas: Canvas
    runtime: Runtime

    def embed(self, batch: Sequence[Prepared]) -> list[EmbeddedImage]:
        """Encode images that `canvas` has prepared, all at once."""
        pixels = torch.from_numpy(stack(batch, "pixels")).to(self.runtime.device)
        with self.runtime.inference():
            embeddings = self.network.embed(self._normalised(pixels))
        shapes_px = stack(batch, "shape_px").tolist()
        return [
            EmbeddedImage(embedding, (height_px, width_px))
            for embedding, (height_px, width_px) in zip(embeddings, shapes_px, strict=True)
        ]

    def from_boxes(self, image: EmbeddedImage, boxes_px: NDArrayFloat) -> torch.Tensor:
        """Logits (N, H, W) of the object in each box (N, 4), positive inside."""
        corners_px = self.canvas.on_canvas(boxes_px.reshape(-1, 2, 2), image.shape_px)
        with self.runtime.inference():
            prompts = self._on_device(corners_px.reshape(-1, 4))
            return self.on_image(self.network.from_boxes(image.embedding, prompts), image)

    def from_points(
        self, image: EmbeddedImage, points_px: NDArrayFloat
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Coarse logits (3N, h, w), for `on_image`, and expected IoU (3N,) at points (N, 2)."""
        with self.runtime.inference():
            prompts = self._on_device(self.canvas.on_canvas(points_px, image.shape_px))
            logits, iou = self.network.from_points(image.embedding, prompts)
            return logits.flatten(0, 1), iou.flatten().float()

    def on_image(self, logits: torch.Tensor, image: EmbeddedImage) -> torch.Tensor:
        """Scale coarse logits (N, h, w) up to the image (N, H, W), without the padding."""
        layers = logits[:, None].float()
        if self.canvas.keep_aspect:
            height_px, width_px = self.canvas.scaled_shape(image.shape_px)
            layers = _scaled(layers, (self.canvas.side_px, self.canvas.side_px))
            layers = layers[..., :height_px, :width_px]
        return _scaled(layers, image.shape_px)[:, 0]

    def _normalised(self, pixels: torch.Tensor) -> torch.Tensor:
        """Bytes (B, h, w, 3) as the network takes them, padded by the mean colour."""
        colours = torch.tensor((self.canvas.mean, self.canvas.std), device=pixels.device)
        normal = ((pixels / 255 - colours[0]) / colours[1]).permute(0, 3, 1, 2)
        height_px, width_px = normal.shape[2:]
        side_px = self.canvas.side_px
        return pad(normal, (0, side_px - width_px, 0, side_px - height_px)).contiguous()

    def _on_device(self, prompts_px: NDArrayFloat) -> torch.Tensor:
        return torch.from_numpy(prompts_px.astype(np.float32)).to(self.runtime.device)


def _scaled(layers: torch.Tensor, shape_px: tuple[int, int]) -> torch.Tensor:
    return interpolate(layers, shape_px, mode="bilinear", align_corners=False)
