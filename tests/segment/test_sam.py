"""Adapters against the plain pipeline of each library: one image and one box at a time."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import interpolate

from cm3d import params
from cm3d.errors import InputError
from cm3d.geometry.arrays import NDArrayBool, NDArrayByte
from cm3d.segment.common.protocol import ImageSegmenter
from cm3d.segment.common.scene import build_segmenter
from cm3d.segment.sam.adapter import SamSegmenter, build_sam
from cm3d.shelf.runtime import Runtime
from tests.segment.conftest import Change

Build = Callable[[str, int], ImageSegmenter]
Scene = Callable[[int, int], NDArrayByte]

SHAPES_PX = [(61, 97), (97, 61), (36, 64), (150, 100)]
BOXES = np.array([[0.1, 0.2, 0.5, 0.6], [0.0, 0.0, 1.0, 1.0], [0.55, 0.1, 0.9, 0.85]])


def boxes_in(shape_px: tuple[int, int]) -> np.ndarray[Any, np.dtype[np.float64]]:
    return BOXES * np.tile(shape_px[::-1], 2)


def outline(segmenter: ImageSegmenter, image: NDArrayByte) -> NDArrayBool:
    return segmenter.segment([segmenter.prepare(image)], [boxes_in(image.shape[:2])])[0]


def assert_outlines(mask: NDArrayBool, logits: Any) -> None:
    """The mask is where the logits (H, W) are positive, but for those that rounding decides."""
    logits = np.asarray(logits)
    sure = np.abs(logits) > 1e-4 * np.abs(logits).max()
    assert np.mean(sure) > 0.99
    assert np.array_equal(mask[sure], logits[sure] > 0)


@pytest.mark.parametrize("shape_px", SHAPES_PX)
@pytest.mark.parametrize(
    ("name", "kind", "folder"),
    [("sam", "SamModel", "sam_folder"), ("sam_hq", "SamHQModel", "sam_hq_folder")],
)
def test_sam_and_sam_hq_as_transformers_has_them(
    build: Build,
    scene: Scene,
    request: pytest.FixtureRequest,
    name: str,
    kind: str,
    folder: str,
    shape_px: tuple[int, int],
) -> None:
    import transformers
    from transformers.models.sam.image_processing_pil_sam import SamImageProcessorPil

    files = request.getfixturevalue(folder)
    model = getattr(transformers, kind).from_pretrained(files)
    processor = transformers.SamProcessor(SamImageProcessorPil.from_pretrained(files))
    image = scene(*shape_px)
    masks = outline(build(name, 2), image)
    for box, mask in zip(boxes_in(shape_px).tolist(), masks, strict=True):
        inputs = processor(image, input_boxes=[[box]], return_tensors="pt")
        inputs["input_boxes"] = inputs["input_boxes"].float()
        sizes = inputs.pop("original_sizes"), inputs.pop("reshaped_input_sizes")
        with torch.no_grad():
            found = model(**inputs, multimask_output=False)
        logits = processor.image_processor.post_process_masks(
            found.pred_masks, *sizes, binarize=False
        )
        assert_outlines(mask, logits[0][0, 0])


@pytest.mark.parametrize("shape_px", SHAPES_PX)
def test_sam_as_its_authors_have_it(
    build: Build,
    scene: Scene,
    segment_anything: ModuleType,
    tiny_sam: Any,
    shape_px: tuple[int, int],
) -> None:
    image = scene(*shape_px)
    predictor = segment_anything.SamPredictor(tiny_sam)
    predictor.set_image(image)
    together = outline(build("segment_anything", 64), image)
    by_transformers = outline(build("sam", 64), image)
    for box, mask, other in zip(boxes_in(shape_px), together, by_transformers, strict=True):
        logits, _, _ = predictor.predict(box=box, multimask_output=False, return_logits=True)
        assert_outlines(mask, logits[0])
        assert_outlines(other, logits[0])


@pytest.mark.parametrize("shape_px", SHAPES_PX)
@pytest.mark.parametrize(
    ("name", "kind", "folder"),
    [("sam2", "Sam2Model", "sam2_folder"), ("sam3", "Sam3TrackerModel", "sam3_folder")],
)
def test_sam2_and_sam3_as_transformers_has_them(
    build: Build,
    scene: Scene,
    request: pytest.FixtureRequest,
    name: str,
    kind: str,
    folder: str,
    shape_px: tuple[int, int],
) -> None:
    # But for their image processors, which need torchvision.
    import transformers

    model = getattr(transformers, kind).from_pretrained(request.getfixturevalue(folder))
    image, colours = scene(*shape_px), torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])
    scaled = Image.fromarray(image).resize((64, 64), Image.Resampling.BILINEAR)
    pixels = (torch.from_numpy(np.array(scaled)) / 255 - colours[0]) / colours[1]
    masks = outline(build(name, 2), image)
    for box, mask in zip(boxes_in(shape_px), masks, strict=True):
        prompt = torch.tensor(box * 64 / np.tile(shape_px[::-1], 2)).float()[None, None]
        with torch.no_grad():
            found = model(pixels.permute(2, 0, 1)[None], input_boxes=prompt, multimask_output=False)
        logits = interpolate(found.pred_masks[0], shape_px, mode="bilinear", align_corners=False)
        assert_outlines(mask, logits[0, 0])


def test_an_image_is_encoded_once(
    build: Build, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    segmenter = build("sam", 1)
    assert isinstance(segmenter, SamSegmenter)
    encoded = []
    network = segmenter.sam.network
    embed = network.embed
    monkeypatch.setattr(
        network, "embed", lambda pixels: encoded.append(len(pixels)) or embed(pixels)
    )
    images = [segmenter.prepare(scene(61, 97)) for _ in range(3)]
    segmenter.segment(images, [boxes_in((61, 97))] * 3)
    assert encoded == [3]
    segmenter.segment(images, [np.empty((0, 4))] * 3)
    assert encoded == [3]


def test_mixed_precision_moves_only_borders(build: Build, scene: Scene) -> None:
    for name in ("sam", "segment_anything", "sam2", "sam_hq", "sam3"):
        segmenter = build(name, 64)
        assert isinstance(segmenter, SamSegmenter)
        mixed = replace(segmenter.sam, runtime=Runtime(torch.device("cpu"), torch.bfloat16))
        exact = outline(segmenter, scene(61, 97))
        rounded = outline(SamSegmenter(mixed, 64), scene(61, 97))
        assert not np.array_equal(exact, rounded)
        assert np.mean(exact != rounded) < 0.05


def test_loaded_again(build: Build, loaded: dict[str, Any], scene: Scene) -> None:
    first = outline(build("sam", 64), scene(61, 97))
    loaded.pop("sam")
    assert np.array_equal(outline(build("sam", 64), scene(61, 97)), first)


def test_a_model_of_another_kind(sam_setting: Change, sam_hq_folder: Path) -> None:
    message = r"segment\.sam\.models\.sam2: .* holds a sam_hq, not a sam2 or sam2_v"
    with pytest.raises(InputError, match=message):
        build_segmenter(sam_setting("sam2", sam_hq_folder))


def test_the_model_in_use_must_be_pinned(changed: Change, segment: params.Segment) -> None:
    sam2 = changed(backend="sam", sam=segment.sam.model_copy(update={"use": "sam2"}))
    message = r"segment\.sam\.models\.sam2\.revision: .* run `make weights MODEL=segment\.sam\.mod"
    with pytest.raises(InputError, match=message):
        build_segmenter(sam2)


def test_the_authors_package_needs_a_checkpoint(
    sam_setting: Change, segment: params.Segment, segment_anything: ModuleType
) -> None:
    update = {"library": "segment_anything", "checkpoint": "nowhere.pth"}
    with pytest.raises(
        InputError, match=r"nowhere\.pth: missing; correct segment\.sam\.checkpoint"
    ):
        build_sam(sam_setting("sam", Path("nowhere"), **update))
    section = segment.sam.model_dump() | update
    with pytest.raises(ValueError, match="needs checkpoint"):
        params.Sam(**(section | {"checkpoint": params.NO_FILE}))
    with pytest.raises(ValueError, match="segment_anything has no sam2"):
        params.Sam(**(section | {"use": "sam2"}))
