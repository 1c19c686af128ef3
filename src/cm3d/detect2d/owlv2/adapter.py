"""OWLv2 through the transformers library."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import Owlv2ForObjectDetection

from cm3d.detect2d.common.corners import corners_px
from cm3d.detect2d.common.preparation import Shrink
from cm3d.detect2d.common.prompts import Vocabulary
from cm3d.detect2d.common.protocol import ImageBoxes, Setting
from cm3d.detect2d.owlv2.square import Square
from cm3d.errors import InputError
from cm3d.shelf.prepared import Prepared, stack
from cm3d.shelf.pretrained import (
    load_image_processor,
    load_pretrained,
    load_tokenizer,
    model_folder,
)
from cm3d.shelf.runtime import Normalize, Runtime, in_full_precision

_KEY = "detect2d.owlv2"


@dataclass(frozen=True, eq=False)
class Asks:
    """What to look for.

    Args:
        vocabulary: The phrases.
        query: (phrases, channels) what the text encoder makes of them.
        min_score: Boxes of this score or less are left out.
    """

    vocabulary: Vocabulary
    query: torch.Tensor
    min_score: float


class Owlv2:
    """Meets `protocol.ImageDetector`.

    The text is encoded once, so an image costs its own encoding alone.
    """

    def __init__(
        self,
        model: Any,
        processor: Any,
        asks: Asks,
        max_side_px: int,
        runtime: Runtime,
    ) -> None:
        """Put what does not change from image to image where the model lives.

        Args:
            model: `Owlv2ForObjectDetection`.
            processor: The model's own image processor.
            asks: What to look for.
            max_side_px: Images are shrunk to this.
            runtime: How to compute.
        """
        self.prepare = Shrink(max_side_px)
        model.box_head.forward = in_full_precision(model.box_head.forward)
        self._model, self._asks, self._runtime = model, asks, runtime
        self._square = Square(processor.size["height"], runtime.device)
        self._normalize = Normalize(processor, runtime.device)

    def detect(self, batch: Sequence[Prepared]) -> list[ImageBoxes]:
        """Detect what the vocabulary names."""
        pixels = torch.from_numpy(stack(batch, "pixels")).to(self._runtime.device)
        logits, boxes = self._look(self._normalize(self._square(pixels)))
        surest = logits.max(dim=2)
        boxes_px = corners_px(boxes, self._square.spans_px(pixels, stack(batch, "size_px")))
        images = zip(surest.values.sigmoid(), surest.indices, boxes_px, strict=True)
        return [self._label(*image) for image in images]

    def _look(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits (B, N, phrases) and boxes (B, N, 4) of squares (B, 3, side, side)."""
        with self._runtime.inference():
            grid, _ = self._model.image_embedder(pixels)
            features = grid.flatten(1, 2)
            queries = self._asks.query.expand(len(pixels), -1, -1)
            logits, _ = self._model.class_predictor(features, queries)
            return logits.float(), self._model.box_predictor(features, grid)

    def _label(
        self, score: torch.Tensor, phrase: torch.Tensor, boxes_px: torch.Tensor
    ) -> ImageBoxes:
        kept = score > self._asks.min_score
        found = [column[kept].cpu().numpy() for column in (phrase, score, boxes_px)]
        return self._asks.vocabulary.label(found[0], found[1], found[2])


def build_owlv2(setting: Setting) -> Owlv2:
    """The detector that `detect2d.owlv2` names.

    Raises:
        InputError: The weights are not there or not whole, or there is no GPU to be had.
    """
    detect2d = setting.detect2d
    runtime = Runtime.choose(setting.execution.device, detect2d.precision)
    section = detect2d.owlv2
    folder = model_folder(section.model, section.revision, _KEY)
    processor = load_image_processor(folder, _KEY)
    tokenizer = load_tokenizer(folder, _KEY)
    model = load_pretrained(Owlv2ForObjectDetection, folder, runtime, _KEY)
    vocabulary = Vocabulary.of(setting.taxonomy.phrases(detect2d.prompts))
    query = encode(model, tokenizer, vocabulary.sentences(section.template))
    asks = Asks(vocabulary, query, detect2d.min_score)
    return Owlv2(model, processor, asks, detect2d.max_side_px, runtime)


@torch.inference_mode()
def encode(model: Any, tokenizer: Any, sentences: list[str]) -> torch.Tensor:
    """What the text encoder makes of sentences, (N, channels) of length 1.

    Raises:
        InputError: A sentence is longer than the model's text.
    """
    places = model.config.text_config.max_position_embeddings
    text = tokenizer(sentences, padding="max_length", max_length=places, return_tensors="pt")
    if text["input_ids"].shape[1] > places:
        raise InputError(f"{_KEY}: a sentence has more than {places} tokens; shorten `template`")
    embedding = model.owlv2.get_text_features(**text.to(model.device)).pooler_output
    return torch.nn.functional.normalize(embedding, dim=-1)
