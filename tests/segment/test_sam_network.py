import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from cm3d.errors import InputError
from cm3d.segment.sam import from_segment_anything, from_transformers
from cm3d.segment.sam.canvas import Canvas
from cm3d.segment.sam.network import EmbeddedImage, Sam
from cm3d.shelf.runtime import Runtime
from tests.tiny_sam import load_checkpoint, sam_checkpoint, sam_folder, segment_anything, tiny_sam

__all__ = ["sam_checkpoint", "sam_folder", "segment_anything", "tiny_sam"]

COLOURS = (0.5, 0.5, 0.5)
CPU = Runtime.choose("cpu", "fp32")
MIXED = Runtime(torch.device("cpu"), torch.bfloat16)
BOXES = torch.tensor([[4.0, 8.0, 40.0, 50.0], [0.0, 0.0, 64.0, 64.0]])


def test_padding_leaves_the_masks() -> None:
    # Of a canvas of 8 rows an image of twice the width fills the upper 4.
    coarse = torch.tensor([[[1.0, 1.0], [-1.0, -1.0]]])
    padded = Sam(None, Canvas(8, True, COLOURS, COLOURS), CPU)  # type: ignore[arg-type]
    masks = padded.on_image(coarse, EmbeddedImage({}, (20, 40))) > 0
    assert masks.shape == (1, 20, 40)
    assert masks.all()
    stretched = Sam(None, Canvas(8, False, COLOURS, COLOURS), CPU)  # type: ignore[arg-type]
    masks = stretched.on_image(coarse, EmbeddedImage({}, (20, 40))) > 0
    assert masks[0, :10].all()
    assert not masks[0, 10:].any()


def test_masks_of_rounded_logits_are_not_scaled_up_in_steps() -> None:
    sam = Sam(None, Canvas(64, False, COLOURS, COLOURS), MIXED)  # type: ignore[arg-type]
    ramp = torch.tensor([8.0, 9.0], dtype=torch.bfloat16).expand(1, 2, 2)
    assert len(sam.on_image(ramp, EmbeddedImage({}, (64, 64)))[0, 0].unique()) > 30


@pytest.mark.parametrize("library", ["transformers", "segment_anything"])
def test_positions_are_exact_in_mixed_precision(
    library: str, sam_folder: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    if library == "transformers":
        model = from_transformers.load_sam(sam_folder, CPU, "key").network._model  # type: ignore
        prompt = {"input_boxes": BOXES[None], "input_points": None, "input_labels": None}
        encode = lambda: model.prompt_encoder(**prompt, input_masks=None)[0]  # noqa: E731
    else:
        needed = ("sam_checkpoint", "segment_anything", "tiny_sam")
        sam = load_checkpoint(*map(request.getfixturevalue, needed), monkeypatch)
        model = sam.network._model
        encode = lambda: model.prompt_encoder(None, BOXES, None)[0]  # noqa: E731
    with CPU.inference():
        exact = encode()
    with MIXED.inference():
        assert torch.equal(encode(), exact)


def test_both_libraries_give_the_same_logits(
    sam_folder: Path,
    sam_checkpoint: Path,
    segment_anything: ModuleType,
    tiny_sam: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    theirs = load_checkpoint(sam_checkpoint, segment_anything, tiny_sam, monkeypatch)
    ours = from_transformers.load_sam(sam_folder, CPU, "key", ("sam",))
    image = np.random.default_rng(1).integers(0, 256, (40, 70, 3), dtype=np.uint8)
    points_px = np.array([[10.0, 20], [60, 5]])
    found = []
    for sam in (ours, theirs):
        (embedded,) = sam.embed([sam.canvas(image)])
        logits, iou = sam.from_points(embedded, points_px)
        assert logits.shape == (6, 32, 32)
        assert iou.shape == (6,)
        found.append((sam.from_boxes(embedded, BOXES.double().numpy()), logits, iou))
    for one, other in zip(*found, strict=True):
        # But for 1e-5 and 1e-6 in the layer norms of the decoder.
        assert torch.allclose(one, other, atol=1e-4 * float(one.abs().max()), rtol=0)


def test_lacking_weights_are_not_made_up(sam_folder: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(sam_folder / "model.safetensors")
    weights.pop("vision_encoder.neck.conv1.weight")
    save_file(weights, tmp_path / "model.safetensors", {"format": "pt"})
    for name in ("config.json", "preprocessor_config.json"):
        (tmp_path / name).write_text((sam_folder / name).read_text())
    with pytest.raises(InputError, match=r"key: .*neck\.conv1\.weight"):
        from_transformers.load_sam(tmp_path, CPU, "key")


def test_a_model_that_makes_no_masks(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(InputError, match="key: "):
        from_transformers.load_sam(tmp_path, CPU, "key")


def test_a_file_that_is_no_checkpoint(segment_anything: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "sam.pth"
    torch.save({"weights": torch.ones(3)}, path)
    with pytest.raises(InputError, match=r"sam\.pth: no checkpoint of SAM.*correct key"):
        from_segment_anything.load_sam(path, CPU, "key")


def test_without_torchvision_the_authors_package_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "segment_anything"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torchvision", None)
    with pytest.raises(InputError, match=r"torchvision.*requirements-gpu\.txt"):
        from_segment_anything.load_sam(tmp_path, CPU, "key")
