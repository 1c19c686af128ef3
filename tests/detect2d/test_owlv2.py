from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer, Owlv2Processor
from transformers.models.owlv2.image_processing_pil_owlv2 import Owlv2ImageProcessorPil

from cm3d import params
from cm3d.detect2d.common.preparation import thumbnail
from cm3d.detect2d.owlv2.adapter import Asks, Owlv2, encode
from cm3d.detect2d.owlv2.square import Square
from cm3d.errors import InputError
from cm3d.shelf.runtime import Runtime

CPU = torch.device("cpu")


def photo(height_px: int, width_px: int) -> Any:
    generator = np.random.default_rng(height_px)
    return generator.integers(0, 256, (height_px, width_px, 3), dtype=np.uint8)


@pytest.mark.parametrize("size_px", [(1, 1), (30, 40), (47, 13), (48, 48), (90, 160), (37, 911)])
def test_squares_are_the_librarys(size_px: tuple[int, int]) -> None:
    """Enlarged, as they are, and shrunk; the library works image by image in scipy."""
    image = photo(*size_px)
    library = Owlv2ImageProcessorPil(size={"height": 48, "width": 48})
    theirs = library(
        image, do_normalize=False, input_data_format="channels_last", return_tensors="np"
    )
    pixels = torch.from_numpy(image).permute(2, 0, 1)[None]
    ours = Square(48, CPU)(pixels) / 255
    np.testing.assert_allclose(ours.numpy(), theirs["pixel_values"], atol=2e-6)


def test_the_square_spans_the_longer_side() -> None:
    """80 x 40 pixels of an image of 160 x 80, and of one of 160 x 120."""
    spans_px = Square(48, CPU).spans_px(
        torch.zeros(2, 3, 40, 80), np.array([[80, 160], [120, 160]])
    )
    assert spans_px.tolist() == [[160, 160], [160, 240]]


def test_boxes_are_in_pixels_of_the_image(owlv2: Owlv2, monkeypatch: pytest.MonkeyPatch) -> None:
    """The image fills the upper half of a square of 2000 x 2000 pixels."""
    logits, boxes = torch.full((1, 2, 19), -5.0), torch.tensor([[[0.5, 0.2, 0.2, 0.1]] * 2])
    logits[0, 0, 3] = 0.0
    monkeypatch.setattr(owlv2, "_look", lambda _: (logits, boxes))
    monkeypatch.setattr(owlv2, "_asks", SimpleNamespace(**vars(owlv2._asks) | {"min_score": 0.1}))
    (found,) = owlv2.detect([owlv2.prepare(photo(1000, 2000))])
    np.testing.assert_allclose(found.box_px, [[800, 300, 1200, 500]], rtol=1e-6)
    assert found.score.tolist() == [0.5]
    assert found.class_name.tolist() == [owlv2._asks.vocabulary.class_names[3]]


@pytest.mark.parametrize("size_px", [(900, 1600), (37, 911)])
def test_one_image_at_a_time_in_the_library_gives_the_same(
    owlv2: Owlv2, tmp_path: Any, defaults: params.Params, size_px: tuple[int, int]
) -> None:
    image = np.kron(photo(size_px[0] // 10 + 1, size_px[1] // 10 + 1), np.ones((10, 10, 1)))
    image = image[: size_px[0], : size_px[1]].astype(np.uint8)
    small = thumbnail(image, defaults.detect2d.max_side_px)
    tokenizer = AutoTokenizer.from_pretrained(owlv2._model.name_or_path)
    processor = Owlv2Processor(Owlv2ImageProcessorPil(size={"height": 48, "width": 48}), tokenizer)
    vocabulary = owlv2._asks.vocabulary
    sentences = [vocabulary.sentences("a {}")]
    inputs = processor(images=small, text=sentences, return_tensors="pt")
    with torch.inference_mode():
        outputs = owlv2._model(**inputs)
    theirs = processor.post_process_grounded_object_detection(
        outputs, threshold=0.5, target_sizes=[small.shape[:2]]
    )[0]
    (ours,) = owlv2.detect([owlv2.prepare(image)])
    assert len(ours.score) > 5
    assert ours.class_name.tolist() == [vocabulary.class_names[row] for row in theirs["labels"]]
    np.testing.assert_allclose(ours.score, theirs["scores"], atol=1e-5)
    zoom = size_px[1] / small.shape[1]
    np.testing.assert_allclose(ours.box_px, theirs["boxes"] * zoom, atol=2e-2)


def test_text_is_encoded_once(owlv2: Owlv2, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: Any) -> None:
        raise AssertionError("text encoded again")

    monkeypatch.setattr(owlv2._model.owlv2.text_model, "forward", refuse)
    owlv2.detect([owlv2.prepare(photo(90, 160))])
    assert isinstance(owlv2._asks, Asks)
    np.testing.assert_allclose(owlv2._asks.query.norm(dim=1), 1, rtol=1e-6)


def test_a_sentence_must_fit_the_models_text(owlv2: Owlv2) -> None:
    tokenizer = AutoTokenizer.from_pretrained(owlv2._model.name_or_path)
    with pytest.raises(InputError, match=r"detect2d\.owlv2: a sentence .* shorten `template`"):
        encode(owlv2._model, tokenizer, ["x" * 40])


def test_mixed_precision_finds_nearly_the_same(
    owlv2: Owlv2, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = [owlv2.prepare(photo(90, 160))]
    (exact,) = owlv2.detect(prepared)
    monkeypatch.setattr(owlv2, "_runtime", Runtime(CPU, torch.float16))
    (mixed,) = owlv2.detect(prepared)
    assert len(exact.score) > 5
    np.testing.assert_allclose(mixed.score, exact.score, atol=1e-2)
    np.testing.assert_allclose(mixed.box_px, exact.box_px, atol=2)
    assert mixed.score.tolist() != exact.score.tolist()
