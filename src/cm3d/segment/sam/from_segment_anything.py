"""SAM as its authors' own package `segment_anything` has it."""

from pathlib import Path
from typing import Any, Final

import torch

from cm3d.errors import InputError
from cm3d.segment.sam.canvas import Canvas
from cm3d.segment.sam.network import Embedding, Sam
from cm3d.shelf.runtime import Runtime, in_full_precision
from cm3d.weights import Weights, check_weights, read_weights

# The package's name of the encoder, by the width of its tokens.
_VARIANTS: Final = {768: "vit_b", 1024: "vit_l", 1280: "vit_h"}
_WIDTH: Final = "image_encoder.patch_embed.proj.bias"


class SegmentAnythingNetwork:
    """The package's `Sam`; meets `network.PromptedNetwork`.

    Args:
        model: A `segment_anything.modeling.Sam`, for inference.
    """

    def __init__(self, model: Any) -> None:
        """Keep its positions exact: autocast would round them by up to a pixel of 1024."""
        self._model = model
        encoding = model.prompt_encoder.pe_layer
        encoding._pe_encoding = in_full_precision(encoding._pe_encoding)

    def embed(self, pixels: torch.Tensor) -> list[Embedding]:
        """Encode images (B, 3, side, side)."""
        return [{"image": image[None]} for image in self._model.image_encoder(pixels)]

    def from_boxes(self, embedding: Embedding, boxes_px: torch.Tensor) -> torch.Tensor:
        """Logits (N, h, w) of one mask for each of (N, 4) boxes."""
        logits, _ = self._decode(embedding, multimask_output=False, boxes=boxes_px, points=None)
        return logits[:, 0]

    def from_points(
        self, embedding: Embedding, points_px: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits (N, 3, h, w) and expected IoU (N, 3) at (N, 2) points."""
        on_object = torch.ones(len(points_px), 1, dtype=torch.int, device=points_px.device)
        points = points_px[:, None], on_object
        return self._decode(embedding, multimask_output=True, boxes=None, points=points)

    def _decode(
        self, embedding: Embedding, multimask_output: bool, **prompts: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        sparse, dense = self._model.prompt_encoder(**prompts, masks=None)
        logits, iou = self._model.mask_decoder(
            image_embeddings=embedding["image"],
            image_pe=self._model.prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=multimask_output,
        )
        return logits, iou


def load_sam(checkpoint: Path, runtime: Runtime, key: str) -> Sam:
    """Load one of the checkpoints that the authors published (`sam_vit_h_4b8939.pth`).

    Args:
        checkpoint: The file.
        runtime: Where it will run.
        key: The parameter that named it, for error messages.

    Raises:
        InputError: The package cannot be imported, or the file is no such checkpoint.
    """
    try:
        from segment_anything import sam_model_registry
    except ImportError as error:
        raise InputError(
            f"segment_anything: {error}; pip install -r requirements-gpu.txt, "
            "or set segment.sam.library to transformers"
        ) from error
    remedy = f"fetch it again or correct {key}"
    weights = read_weights(checkpoint, remedy)
    model = sam_model_registry[_variant(weights, checkpoint, remedy)]()
    check_weights(weights, model.state_dict(), "SAM", checkpoint, remedy)
    model.load_state_dict(weights)
    return Sam(SegmentAnythingNetwork(model.eval().to(runtime.device)), _canvas(model), runtime)


def _variant(weights: Weights, checkpoint: Path, remedy: str) -> str:
    shape = list(weights[_WIDTH].shape) if _WIDTH in weights else None
    if shape is None or len(shape) != 1 or shape[0] not in _VARIANTS:
        found = "missing" if shape is None else f"of shape {shape}"
        known = ", ".join(map(str, _VARIANTS))
        raise InputError(
            f"{checkpoint}: no checkpoint of SAM, {_WIDTH} is {found}, not one of {known} numbers; "
            f"{remedy}"
        )
    return _VARIANTS[shape[0]]


def _canvas(model: Any) -> Canvas:
    mean, std = (
        (values.flatten() / 255).tolist() for values in (model.pixel_mean, model.pixel_std)
    )
    return Canvas(model.image_encoder.img_size, True, tuple(mean), tuple(std))
