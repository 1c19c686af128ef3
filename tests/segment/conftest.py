"""Parameters as they ship, images, and every mask model that can be had here, with tiny weights."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from cm3d import params
from cm3d.geometry.arrays import NDArrayByte
from cm3d.segment.box import BoxSegmenter
from cm3d.segment.common.protocol import ImageSegmenter, Setting
from cm3d.segment.grabcut import GrabCutSegmenter
from cm3d.taxonomy import Taxonomy
from tests.tiny_sam import (
    load_checkpoint,
    sam2_folder,
    sam3_folder,
    sam_checkpoint,
    sam_folder,
    sam_hq_folder,
    segment_anything,
    tiny_sam,
)

__all__ = [
    "sam2_folder",
    "sam3_folder",
    "sam_checkpoint",
    "sam_folder",
    "sam_hq_folder",
    "segment_anything",
    "tiny_sam",
]

# From an adapter's name and the boxes that it is prompted with at once.
Build = Callable[[str, int], ImageSegmenter]
Change = Callable[..., Setting]


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
def changed(segment: params.Segment, execution: params.Execution, taxonomy: Taxonomy) -> Change:
    """What backends are built from, with other parameters of segment."""

    def change(root: Path = Path("nowhere"), **changes: Any) -> Setting:
        return Setting(segment.model_copy(update=changes), execution, taxonomy, root)

    return change


@pytest.fixture
def sam_setting(changed: Change, segment: params.Segment) -> Change:
    """The same with `segment.sam` in use, and with a model's folder."""

    def change(use: str, folder: Path, **changes: Any) -> Setting:
        models = segment.sam.models | {use: params.ShelfModel(model=str(folder), revision=None)}
        update = {"use": use, "models": models} | changes
        return changed(backend="sam", sam=segment.sam.model_copy(update=update))

    return change


@pytest.fixture
def scene() -> Callable[[int, int], NDArrayByte]:
    """Soft blobs of colour, (height, width)."""

    def blobs(height_px: int, width_px: int) -> NDArrayByte:
        colours = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
        return np.asarray(cv2.resize(colours, (width_px, height_px), interpolation=cv2.INTER_CUBIC))

    return blobs


@pytest.fixture(scope="session")
def loaded() -> dict[str, Any]:
    """Models that have been loaded, by the adapter's name."""
    return {}


@pytest.fixture
def build(
    request: pytest.FixtureRequest,
    changed: Change,
    sam_setting: Change,
    loaded: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> Build:
    """Any adapter by its name, and how many boxes it is prompted with at once."""
    from cm3d.segment.sam.adapter import SamSegmenter, build_sam
    from cm3d.segment.simnet.adapter import build_simnet

    def transformers(use: str, folder: str) -> SamSegmenter:
        return build_sam(sam_setting(use, request.getfixturevalue(folder)))

    def segment_anything() -> SamSegmenter:
        files = ("sam_checkpoint", "segment_anything", "tiny_sam")
        return SamSegmenter(load_checkpoint(*map(request.getfixturevalue, files), monkeypatch), 1)

    load: dict[str, Callable[[], ImageSegmenter]] = {
        "box": BoxSegmenter,
        "grabcut": lambda: GrabCutSegmenter(changed().segment.grabcut),
        "simnet": lambda: build_simnet(changed()),
        "sam": lambda: transformers("sam", "sam_folder"),
        "segment_anything": segment_anything,
        "sam2": lambda: transformers("sam2", "sam2_folder"),
        "sam_hq": lambda: transformers("promptable", "sam_hq_folder"),
        "sam3": lambda: transformers("promptable", "sam3_folder"),
    }

    def build(name: str, box_batch: int) -> ImageSegmenter:
        if name not in loaded:
            loaded[name] = load[name]()
        segmenter: ImageSegmenter = loaded[name]
        if isinstance(segmenter, SamSegmenter):
            return replace(segmenter, box_batch=box_batch)
        return segmenter

    return build
