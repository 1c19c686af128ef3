"""SAM, SAM 2 and their relatives as the transformers library has them."""

from pathlib import Path
from typing import Any, Final

import torch
from transformers import AutoModelForMaskGeneration

from cm3d.errors import InputError
from cm3d.segment.sam.canvas import Canvas
from cm3d.segment.sam.network import Embedding, Sam
from cm3d.shelf.pretrained import load_pretrained
from cm3d.shelf.runtime import Runtime, in_full_precision

# What a model's embedding of an image is called where it is handed back; SAM-HQ has two parts.
_PARTS: Final = ("image_embeddings", "intermediate_embeddings")


class TransformersNetwork:
    """Any model that transformers generates masks with; meets `network.PromptedNetwork`.

    Args:
        model: Has `get_image_embeddings`, and takes these in place of an image; for inference.
    """

    def __init__(self, model: Any) -> None:
        """Keep its positions exact: autocast would round them by up to a pixel of 1024."""
        self._model = model
        for module in model.modules():
            if hasattr(module, "positional_embedding"):
                module.forward = in_full_precision(module.forward)

    def embed(self, pixels: torch.Tensor) -> list[Embedding]:
        """Encode images (B, 3, side, side)."""
        found = self._model.get_image_embeddings(pixels)
        parts = dict(zip(_PARTS, found if isinstance(found, tuple) else (found,), strict=False))
        return [
            {name: _of_image(part, row) for name, part in parts.items()}
            for row in range(len(pixels))
        ]

    def from_boxes(self, embedding: Embedding, boxes_px: torch.Tensor) -> torch.Tensor:
        """Logits (N, h, w) of one mask for each of (N, 4) boxes."""
        found = self._model(**embedding, input_boxes=boxes_px[None], multimask_output=False)
        logits: torch.Tensor = found.pred_masks[0, :, 0]
        return logits

    def from_points(
        self, embedding: Embedding, points_px: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits (N, 3, h, w) and expected IoU (N, 3) at (N, 2) points."""
        prompts = points_px[None, :, None]
        found = self._model(**embedding, input_points=prompts, multimask_output=True)
        return found.pred_masks[0], found.iou_scores[0]


def load_sam(folder: Path, runtime: Runtime, key: str, kinds: tuple[str, ...] = ()) -> Sam:
    """Load a model and how it sees images from a folder of the Hugging Face hub's format.

    Args:
        folder: Weights, `config.json` and the image processor's configuration.
        runtime: Where it will run.
        key: The parameter that named it, for error messages.
        kinds: The kinds of model (`model_type`) to accept; all that generate masks if empty.

    Raises:
        InputError: The folder holds no such model, or not all of its weights.
    """
    model = load_pretrained(AutoModelForMaskGeneration, folder, runtime, key)
    found = model.config.model_type
    if kinds and found not in kinds:
        raise InputError(f"{key}: {folder} holds a {found}, not a {' or '.join(kinds)}")
    return Sam(TransformersNetwork(model), Canvas.read(folder), runtime)


def _of_image(part: Any, row: int) -> Any:
    if isinstance(part, torch.Tensor):
        return part[row : row + 1]
    return [_of_image(level, row) for level in part]
