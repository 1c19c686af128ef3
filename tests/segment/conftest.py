"""Parameters as they ship, images, and every mask model that can be had here, with tiny weights."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest

from cm3d import params
from cm3d.geometry.arrays import NDArrayByte
from cm3d.segment.box import BoxSegmenter
from cm3d.segment.grabcut import GrabCutSegmenter
from cm3d.segment.protocol import Segmenter
from tests.tiny_sam import (
    load_checkpoint,
    sam2_folder,
    sam_checkpoint,
    sam_folder,
    sam_hq_folder,
    segment_anything,
    tiny_sam,
)

__all__ = [
    "sam2_folder",
    "sam_checkpoint",
    "sam_folder",
    "sam_hq_folder",
    "segment_anything",
    "tiny_sam",
]

# From an adapter's name and the boxes that it is prompted with at once.
Build = Callable[[str, int], Segmenter]


@pytest.fixture
def segment(project: Path) -> params.Segment:
    """The default parameters."""
    return params.load_params(project / "params.yaml").segment


@pytest.fixture
def execution(project: Path) -> params.Execution:
    """The default parameters, on a CPU."""
    execution = params.load_params(project / "params.yaml").execution
    return execution.model_copy(update={"device": "cpu"})


@pytest.fixture
def scene() -> Callable[[int, int], NDArrayByte]:
    """Soft blobs of colour, (height, width)."""

    def blobs(height_px: int, width_px: int) -> NDArrayByte:
        colours = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
        return np.asarray(cv2.resize(colours, (width_px, height_px), interpolation=cv2.INTER_CUBIC))

    return blobs


@pytest.fixture
def build(
    request: pytest.FixtureRequest,
    segment: params.Segment,
    execution: params.Execution,
    monkeypatch: pytest.MonkeyPatch,
) -> Build:
    """Any adapter by its name: a function of this file for each, a fixture where it needs files."""

    def of_transformers(backend: str, folder: str, box_batch: int) -> Segmenter:
        from cm3d.segment.sam import build_sam

        model = {"model": str(request.getfixturevalue(folder))}
        section = getattr(segment, backend).model_copy(update=model)
        return build_sam(
            segment.model_copy(update={"backend": backend, backend: section}),
            execution.model_copy(update={"box_batch": box_batch}),
        )

    def of_segment_anything(box_batch: int) -> Segmenter:
        from cm3d.segment.sam import SamSegmenter

        package: ModuleType = request.getfixturevalue("segment_anything")
        tiny: Any = request.getfixturevalue("tiny_sam")
        checkpoint = request.getfixturevalue("sam_checkpoint")
        return SamSegmenter(load_checkpoint(checkpoint, package, tiny, monkeypatch), box_batch)

    adapters: dict[str, Callable[[int], Segmenter]] = {
        "box": lambda _: BoxSegmenter(),
        "grabcut": lambda _: GrabCutSegmenter(segment.grabcut),
        "sam": lambda box_batch: of_transformers("sam", "sam_folder", box_batch),
        "segment_anything": of_segment_anything,
        "sam2": lambda box_batch: of_transformers("sam2", "sam2_folder", box_batch),
        "promptable": lambda box_batch: of_transformers("promptable", "sam_hq_folder", box_batch),
    }
    return lambda name, box_batch: adapters[name](box_batch)
