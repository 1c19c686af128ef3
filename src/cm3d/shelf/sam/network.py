"""What the networks of the SAM family have in common, whichever library they come from."""

from typing import Protocol, TypeAlias

import torch

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
