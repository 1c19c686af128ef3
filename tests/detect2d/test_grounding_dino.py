import copy
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoImageProcessor, GroundingDinoProcessor

from cm3d.detect2d.common.protocol import ImageBoxes
from cm3d.detect2d.grounding_dino.adapter import Asks, GroundingDino
from cm3d.detect2d.grounding_dino.prompts import make_prompts
from cm3d.shelf.runtime import Runtime


@pytest.fixture(scope="module")
def processor(grounding_dino: GroundingDino) -> Any:
    folder = grounding_dino._model.name_or_path
    images = AutoImageProcessor.from_pretrained(folder, backend="pil")
    return GroundingDinoProcessor(images, grounding_dino._tokenizer)


@pytest.fixture
def image() -> Any:
    blocks = np.random.default_rng(0).integers(0, 256, (9, 16, 3), dtype=np.uint8)
    return np.kron(blocks, np.ones((100, 100, 1), np.uint8))


def asking(detector: GroundingDino, model: Any = None, **changes: Any) -> GroundingDino:
    """The same detector with other thresholds, or another model."""
    other = copy.copy(detector)
    other._asks = Asks(**(vars(detector._asks) | changes))
    if model is not None:
        phrases, places = other._asks.vocabulary.phrases, model.config.max_text_len
        other._model = model
        other._prompts = make_prompts(phrases, other._tokenizer, places, torch.device("cpu"))
    return other


def of_library(
    detector: GroundingDino, processor: Any, outputs: Any, text: Any, size_px: tuple[int, int]
) -> Any:
    return processor.post_process_grounded_object_detection(
        outputs,
        text["input_ids"],
        threshold=detector._asks.min_score,
        text_threshold=detector._asks.text_threshold,
        target_sizes=[size_px],
    )[0]


def assert_agree(ours: ImageBoxes, theirs: Any, phrases: dict[str, str]) -> int:
    """Where the library names a phrase, so do we; how often it does."""
    assert len(ours.score) + len(ours.unmatched) == len(theirs["scores"])
    box_px, named = theirs["boxes"].numpy(), 0
    for row, label in enumerate(theirs["text_labels"]):
        same = np.flatnonzero(np.abs(ours.box_px - box_px[row]).max(axis=1, initial=0) < 1e-2)
        if name := phrases.get(label.strip(". ")):
            assert ours.class_name[same].tolist() == [name]
            named += 1
        for place in same:
            assert ours.score[place] == pytest.approx(theirs["scores"][row].item(), abs=1e-5)
    return named


@pytest.mark.parametrize("text_threshold", [0.1, 0.9, 0.999])
def test_boxes_and_scores_are_the_librarys(
    grounding_dino: GroundingDino, processor: Any, image: Any, text_threshold: float
) -> None:
    detector = asking(grounding_dino, min_score=0.8, text_threshold=text_threshold)
    vocabulary = detector._asks.vocabulary
    small = Image.fromarray(image)
    small.thumbnail((1024, 1024))
    inputs = processor(images=small, text=[list(vocabulary.phrases)], return_tensors="pt")
    with torch.inference_mode():
        outputs = detector._model(**inputs)
    theirs = of_library(detector, processor, outputs, inputs, (900, 1600))
    (ours,) = detector.detect([detector.prepare(image)])
    assert len(ours.score) > 5
    assert_agree(ours, theirs, dict(zip(vocabulary.phrases, vocabulary.class_names, strict=True)))
    assert set(ours.unmatched) <= set(theirs["text_labels"])


def test_every_phrase_that_the_library_names_is_ours(
    grounding_dino: GroundingDino, processor: Any
) -> None:
    """A box per phrase, whose tokens alone are sure enough."""
    vocabulary = grounding_dino._asks.vocabulary
    (prompt,) = grounding_dino._prompts
    generator = torch.Generator().manual_seed(0)
    noise = torch.rand((len(vocabulary.phrases), 256), generator=generator)
    outputs = SimpleNamespace(
        logits=torch.where(prompt.tokens, 1 + noise, -5 + noise)[None],
        pred_boxes=torch.rand((1, len(vocabulary.phrases), 4), generator=generator),
    )
    model = model_saying(outputs, grounding_dino)
    detector = asking(grounding_dino, model, min_score=0.1, text_threshold=0.1)
    theirs = of_library(detector, processor, outputs, prompt.inputs, (60, 80))
    assert theirs["text_labels"] == list(vocabulary.phrases)
    (ours,) = detector.detect([detector.prepare(np.zeros((60, 80, 3), np.uint8))])
    phrases = dict(zip(vocabulary.phrases, vocabulary.class_names, strict=True))
    assert assert_agree(ours, theirs, phrases) == len(phrases)


def test_boxes_of_no_phrase_are_dropped_and_named(grounding_dino: GroundingDino) -> None:
    logits = torch.full((1, 2, 256), -9.0)
    logits[0, 0, 2] = 2.0  # the full stop after the first phrase, "car"
    logits[0, 1, 1] = 2.0
    outputs = SimpleNamespace(logits=logits, pred_boxes=torch.full((1, 2, 4), 0.5))
    detector = asking(grounding_dino, model_saying(outputs, grounding_dino))
    detector = asking(detector, min_score=0.1, text_threshold=0.1)
    (found,) = detector.detect([detector.prepare(np.zeros((60, 80, 3), np.uint8))])
    assert found.class_name.tolist() == ["car"]
    assert found.unmatched == (".",)
    np.testing.assert_allclose(found.box_px, [[20, 15, 60, 45]])
    assert found.score == pytest.approx(1 / (1 + np.exp(-2.0)))


def test_phrases_beyond_one_text_are_asked_for_in_another(
    grounding_dino: GroundingDino, image: Any
) -> None:
    """The network sees 20 places of text instead of 256: every box has its prompt's phrases."""
    asked = []

    def model(pixel_values: Any, input_ids: Any, **_: Any) -> Any:
        asked.append(input_ids[0].tolist())
        logits = torch.full((1, 1, 20), -9.0)
        logits[0, 0, 1] = len(asked) - 1.0  # the first token of the first phrase
        return SimpleNamespace(logits=logits, pred_boxes=torch.full((1, 1, 4), 0.5))

    model.config = SimpleNamespace(max_text_len=20)
    detector = asking(grounding_dino, model, min_score=0.1, text_threshold=0.1)
    (found,) = detector.detect([detector.prepare(image)])
    assert len(asked) > 2
    assert all(len(ids) <= 20 for ids in asked)
    firsts = [prompt.first_phrase for prompt in detector._prompts]
    names = detector._asks.vocabulary.class_names
    assert found.class_name.tolist() == [names[first] for first in firsts]
    np.testing.assert_allclose(found.score, 1 / (1 + np.exp(-np.arange(len(asked)))), rtol=1e-6)


def model_saying(outputs: Any, detector: GroundingDino) -> Any:
    def model(**_: Any) -> Any:
        return outputs

    model.config = detector._model.config
    return model


def test_mixed_precision_finds_nearly_the_same(grounding_dino: GroundingDino, image: Any) -> None:
    detector = asking(grounding_dino, min_score=0.5, text_threshold=0.5)
    prepared = [detector.prepare(image)]
    (exact,) = detector.detect(prepared)
    detector._runtime = Runtime(torch.device("cpu"), torch.float16)
    (mixed,) = detector.detect(prepared)
    assert len(exact.score) > 5
    np.testing.assert_allclose(np.sort(mixed.score), np.sort(exact.score), atol=1e-2)
    assert mixed.score.tolist() != exact.score.tolist()
