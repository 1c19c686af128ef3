import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate

from cm3d.errors import InputError
from cm3d.geometry.arrays import NDArrayByte
from cm3d.segment.sam.canvas import Canvas
from cm3d.segment.sam.network import Embedding, Sam
from cm3d.shelf.runtime import Runtime
from tests.tiny_sam import segment_anything

__all__ = ["segment_anything"]

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
PADDED = Canvas(64, True, MEAN, STD)
STRETCHED = Canvas(64, False, MEAN, STD)
SHAPES_PX = [(61, 97), (97, 61), (37, 911), (64, 64), (5, 2), (320, 180)]


class Recorder:
    """A network that keeps what it is shown."""

    def __init__(self) -> None:
        self.pixels = torch.empty(0)

    def embed(self, pixels: torch.Tensor) -> list[Embedding]:
        self.pixels = pixels
        return [{} for _ in pixels]

    def from_boxes(self, embedding: Embedding, boxes_px: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError

    def from_points(self, embedding: Embedding, points_px: torch.Tensor) -> Any:
        raise NotImplementedError


def noise(shape_px: tuple[int, int]) -> NDArrayByte:
    return np.random.default_rng(0).integers(0, 256, (*shape_px, 3), dtype=np.uint8)


def shown(canvas: Canvas, image: NDArrayByte) -> torch.Tensor:
    """What the network sees of an image (3, 64, 64)."""
    network = Recorder()
    (embedded,) = Sam(network, canvas, Runtime.choose("cpu", "fp32")).embed([canvas(image)])
    assert embedded.shape_px == image.shape[:2]
    return network.pixels[0]


@pytest.mark.parametrize("shape_px", SHAPES_PX)
def test_sam_sees_an_image_as_transformers_shows_it(shape_px: tuple[int, int]) -> None:
    from transformers.models.sam.image_processing_pil_sam import SamImageProcessorPil

    processor = SamImageProcessorPil(
        size={"longest_edge": 64}, pad_size={"height": 64, "width": 64}
    )
    expected = processor(noise(shape_px), return_tensors="pt")["pixel_values"][0]
    assert torch.allclose(shown(PADDED, noise(shape_px)), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("shape_px", SHAPES_PX)
def test_sam_sees_an_image_as_its_authors_show_it(
    segment_anything: Any, shape_px: tuple[int, int]
) -> None:
    transform = segment_anything.predictor.ResizeLongestSide(64)
    image = noise(shape_px)
    assert np.array_equal(PADDED(image)["pixels"], transform.apply_image(image))
    boxes_px = np.array([[1.0, 2, 3, 4], [0.5, 0, 60, 30]])
    ours = PADDED.on_canvas(boxes_px.reshape(-1, 2, 2), shape_px).reshape(-1, 4)
    assert ours == pytest.approx(transform.apply_boxes(boxes_px, shape_px), abs=1e-9)


@pytest.mark.parametrize("shape_px", [(61, 97), (37, 911), (3, 2)])
def test_sam2_sees_an_image_scaled_as_torch_scales_bytes(shape_px: tuple[int, int]) -> None:
    image = noise(shape_px)
    pixels = torch.from_numpy(image).permute(2, 0, 1)[None]
    expected = interpolate(pixels, (64, 64), mode="bilinear", antialias=True)[0]
    scaled = STRETCHED(image)["pixels"].transpose(2, 0, 1).astype(int)
    assert np.abs(scaled - expected.numpy()).max() <= 1
    colours = (scaled / 255 - np.reshape(MEAN, (3, 1, 1))) / np.reshape(STD, (3, 1, 1))
    assert shown(STRETCHED, image).numpy() == pytest.approx(colours, abs=1e-6)


def test_positions() -> None:
    corner_px = np.array([[60.0, 30.0]])
    assert PADDED.scaled_shape((30, 60)) == (32, 64)
    assert PADDED.on_canvas(corner_px, (30, 60)).tolist() == [[64, 32]]
    assert STRETCHED.scaled_shape((30, 60)) == (64, 64)
    assert STRETCHED.on_canvas(corner_px, (30, 60)).tolist() == [[64, 64]]


def test_the_thinnest_image_keeps_a_row() -> None:
    assert PADDED(noise((1, 500)))["pixels"].shape == (1, 64, 3)


def test_preparing_needs_no_torch(project: Path) -> None:
    code = "import pickle, sys; pickle.load(sys.stdin.buffer); assert 'torch' not in sys.modules"
    command, environment = [sys.executable, "-c", code], {"PYTHONPATH": str(project / "src")}
    subprocess.run(command, input=pickle.dumps(PADDED), env=environment, check=True)


def written(folder: Path, name: str = "preprocessor_config.json", **config: Any) -> Path:
    (folder / name).write_text(json.dumps(config))
    return folder


COLOURS = {"image_mean": MEAN, "image_std": STD}
SQUARE = {"height": 64, "width": 64}


def test_read(tmp_path: Path) -> None:
    padded = written(tmp_path, size={"longest_edge": 64}, pad_size=SQUARE, **COLOURS)
    assert Canvas.read(padded) == PADDED


def test_read_within_a_processor(tmp_path: Path) -> None:
    within = {"size": SQUARE, **COLOURS}
    written(tmp_path, point_pad_value=-10)
    assert Canvas.read(written(tmp_path, "processor_config.json", image_processor=within)) == (
        STRETCHED
    )


def test_what_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no image processor in preprocessor_config\.json or pro"):
        Canvas.read(tmp_path)
    with pytest.raises(InputError, match="no 'image_mean'"):
        Canvas.read(written(tmp_path, size=SQUARE))
    with pytest.raises(InputError, match="not laid into a square"):
        Canvas.read(written(tmp_path, size={"height": 64, "width": 32}, **COLOURS))
    with pytest.raises(InputError, match="not laid into a square"):
        Canvas.read(written(tmp_path, size={"longest_edge": 32}, pad_size=SQUARE, **COLOURS))
    with pytest.raises(InputError, match="no 'height'"):
        Canvas.read(written(tmp_path, size={"shortest_edge": 64}, **COLOURS))
