"""GroundingDINO through the transformers library."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from transformers import GroundingDinoForObjectDetection
from transformers.models.grounding_dino.modeling_grounding_dino import (
    GroundingDinoMLPPredictionHead,
)

from cm3d.detect2d.common.corners import corners_px
from cm3d.detect2d.common.prompts import NO_PHRASE, Vocabulary
from cm3d.detect2d.common.protocol import ImageBoxes, Setting
from cm3d.detect2d.grounding_dino.preparation import ResizeAsDetr
from cm3d.detect2d.grounding_dino.prompts import Prompt, best_phrase, make_prompts
from cm3d.shelf.prepared import Prepared, stack
from cm3d.shelf.pretrained import (
    load_image_processor,
    load_pretrained,
    load_tokenizer,
    model_folder,
)
from cm3d.shelf.runtime import Normalize, Runtime, in_full_precision

_KEY = "detect2d.grounding_dino"


@dataclass(frozen=True)
class Asks:
    """What to look for.

    Args:
        vocabulary: The phrases.
        min_score: Boxes of this score or less are left out.
        text_threshold: Tokens this sure or less say nothing.
    """

    vocabulary: Vocabulary
    min_score: float
    text_threshold: float


class GroundingDino:
    """Meets `protocol.ImageDetector`.

    A box has the score of its surest token, as in the library, and the phrase of
    `grounding_prompts.best_phrase`.
    """

    def __init__(
        self,
        model: Any,
        processor: Any,
        tokenizer: Any,
        max_side_px: int,
        asks: Asks,
        runtime: Runtime,
    ) -> None:
        """Put what does not change from image to image where the model lives.

        Args:
            model: `GroundingDinoForObjectDetection`.
            processor: The model's own image processor.
            tokenizer: The model's own.
            max_side_px: Images are shrunk to this first.
            asks: What to look for, and how sure to be.
            runtime: How to compute.
        """
        sides_px = processor.size["shortest_edge"], processor.size["longest_edge"]
        self.prepare = ResizeAsDetr(max_side_px, *sides_px)
        self._model, self._tokenizer, self._asks, self._runtime = model, tokenizer, asks, runtime
        max_tokens = model.config.max_text_len
        phrases = asks.vocabulary.phrases
        self._prompts = make_prompts(phrases, tokenizer, max_tokens, runtime.device)
        self._normalize = Normalize(processor, runtime.device)
        _keep_boxes_exact(model)

    def detect(self, batch: Sequence[Prepared]) -> list[ImageBoxes]:
        """Detect what the vocabulary names."""
        pixels = torch.from_numpy(stack(batch, "pixels")).to(self._runtime.device)
        pixels, sizes_px = self._normalize(pixels), torch.from_numpy(stack(batch, "size_px"))
        answers = [self._ask(prompt, pixels, sizes_px) for prompt in self._prompts]
        return [_together(of_image) for of_image in zip(*answers, strict=True)]

    def _ask(
        self, prompt: Prompt, pixels: torch.Tensor, sizes_px: torch.Tensor
    ) -> list[ImageBoxes]:
        text = {name: row.expand(len(pixels), -1) for name, row in prompt.inputs.items()}
        with self._runtime.inference():
            found = self._model(pixel_values=pixels, **text)
        probability = found.logits.float().sigmoid()
        boxes_px = corners_px(found.pred_boxes, sizes_px.flip(1))
        images = zip(probability, boxes_px, strict=True)
        return [self._label(prompt, tokens, boxes) for tokens, boxes in images]

    def _label(
        self, prompt: Prompt, probability: torch.Tensor, boxes_px: torch.Tensor
    ) -> ImageBoxes:
        score = probability.amax(dim=1)
        kept = score > self._asks.min_score
        probability = probability[kept]
        row = best_phrase(probability, prompt.tokens, self._asks.text_threshold)
        phrase = torch.where(row == NO_PHRASE, row, row + prompt.first_phrase)
        return self._asks.vocabulary.label(
            phrase.cpu().numpy(),
            score[kept].cpu().numpy(),
            boxes_px[kept].cpu().numpy(),
            self._decode(prompt, probability[row == NO_PHRASE]),
        )

    def _decode(self, prompt: Prompt, probability: torch.Tensor) -> list[str]:
        """What the library would say of boxes: every token that is sure enough."""
        ids = prompt.inputs["input_ids"][0]
        said = probability[:, : len(ids)] > self._asks.text_threshold
        return [self._tokenizer.decode(ids[tokens]) for tokens in said]


def build_grounding_dino(setting: Setting) -> GroundingDino:
    """The detector that `detect2d.grounding_dino` names.

    Raises:
        InputError: The weights are not there or not whole, or there is no GPU to be had.
    """
    detect2d = setting.detect2d
    runtime = Runtime.choose(setting.execution.device, detect2d.precision)
    section = detect2d.grounding_dino
    folder = model_folder(section.model, section.revision, _KEY)
    processor = load_image_processor(folder, _KEY)
    tokenizer = load_tokenizer(folder, _KEY)
    model = load_pretrained(GroundingDinoForObjectDetection, folder, runtime, _KEY)
    vocabulary = Vocabulary.of(setting.taxonomy.phrases(detect2d.prompts))
    asks = Asks(vocabulary, detect2d.min_score, section.text_threshold)
    max_side_px = detect2d.max_side_px
    return GroundingDino(model, processor, tokenizer, max_side_px, asks, runtime)


def _keep_boxes_exact(model: Any) -> None:
    """Let the places that the encoder proposes, and what each layer adds to them, be float32."""
    inner = model.model
    inner.generate_encoder_output_proposals = in_full_precision(
        inner.generate_encoder_output_proposals
    )
    heads: list[Any] = [m for m in model.modules() if isinstance(m, GroundingDinoMLPPredictionHead)]
    for head in heads:
        head.forward = in_full_precision(head.forward)


def _together(parts: Sequence[ImageBoxes]) -> ImageBoxes:
    """What several prompts found on one image."""
    return ImageBoxes(
        np.concatenate([part.class_name for part in parts]),
        np.concatenate([part.score for part in parts]),
        np.concatenate([part.box_px for part in parts]),
        tuple(said for part in parts for said in part.unmatched),
    )
