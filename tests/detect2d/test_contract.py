"""What every backend promises: the packages beside `detect2d.common`.

A network joins by a fixture of its name, which is an `ImageDetector`.
"""

import inspect
import json
import pickle
from importlib import import_module
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from cm3d import params
from cm3d.detect2d.common.network import NetworkDetector
from cm3d.detect2d.common.protocol import Detector2D, ImageBoxes, ImageDetector, Setting
from cm3d.detect2d.common.scene import build_detector
from cm3d.shelf.prepared import shapes
from cm3d.tables import Boxes2D, Cameras
from cm3d.taxonomy import load_taxonomy
from tests.detect2d.conftest import Change

SIZES_PX = [(1, 1), (37, 911), (900, 1600), (450, 800)]


PROJECT = Path(__file__).resolve().parents[2]
CLASS_NAMES = load_taxonomy("nuscenes", PROJECT / "taxonomies").class_names

BACKENDS = sorted(
    path.parent.name
    for path in (PROJECT / "src/cm3d/detect2d").glob("*/__init__.py")
    if path.parent.name != "common"
)
NETWORKS = [name for name in BACKENDS if name not in ("precomputed", "simulated")]


@pytest.fixture(params=NETWORKS)
def detector(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


def street(height_px: int, width_px: int, seed: int = 0) -> Any:
    """Coloured blocks."""
    blocks = np.random.default_rng(seed).integers(0, 256, (9, 16, 3), dtype=np.uint8)
    rows, columns = np.arange(height_px) * 9 // height_px, np.arange(width_px) * 16 // width_px
    return blocks[rows[:, None], columns]


def detect(detector: ImageDetector, *images: Any) -> list[ImageBoxes]:
    return detector.detect([detector.prepare(image) for image in images])


def check_schema(found: ImageBoxes) -> None:
    count = len(found.score)
    assert found.class_name.dtype == object
    assert set(found.class_name) <= set(CLASS_NAMES)
    assert found.class_name.shape == (count,)
    assert found.score.dtype == np.float64
    assert found.score.shape == (count,)
    assert ((found.score >= 0) & (found.score <= 1)).all()
    assert found.box_px.dtype == np.float64
    assert found.box_px.shape == (count, 4)
    assert np.isfinite(found.box_px).all()
    assert (found.box_px[:, 2:] >= found.box_px[:, :2]).all()


def assert_same(ours: ImageBoxes, theirs: ImageBoxes) -> None:
    assert ours.class_name.tolist() == theirs.class_name.tolist()
    np.testing.assert_allclose(ours.score, theirs.score, atol=1e-4)
    np.testing.assert_allclose(ours.box_px, theirs.box_px, rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize("size_px", SIZES_PX)
def test_images_of_any_size_get_boxes(detector: ImageDetector, size_px: tuple[int, int]) -> None:
    (found,) = detect(detector, street(*size_px))
    check_schema(found)
    assert len(found.score) > 0
    assert 0.2 * max(size_px) < found.box_px.max() < 2 * max(size_px)


@pytest.mark.parametrize("grey", [0, 127, 255])
def test_empty_images_are_no_error(detector: ImageDetector, grey: int) -> None:
    (found,) = detect(detector, np.full((90, 160, 3), grey, np.uint8))
    check_schema(found)


def test_images_differ(detector: ImageDetector) -> None:
    one, other = detect(detector, street(90, 160), street(90, 160, seed=1))
    assert one.score.tolist() != other.score.tolist()


def test_answers_repeat(detector: ImageDetector) -> None:
    (first,), (second,) = (detect(detector, street(900, 1600)) for _ in range(2))
    assert first.score.tolist() == second.score.tolist()
    assert first.box_px.tolist() == second.box_px.tolist()


def test_a_batch_changes_nothing(detector: ImageDetector) -> None:
    images = [street(900, 1600, seed) for seed in range(3)]
    for found, image in zip(detect(detector, *images), images, strict=True):
        assert_same(found, detect(detector, image)[0])


def test_sizes_may_differ_in_a_batch(detector: ImageDetector) -> None:
    """Images that the network sees at one size have boxes in their own pixels."""
    small, large = street(576, 1024), street(1152, 2048)
    both = [detector.prepare(image) for image in (small, large)]
    assert shapes(both[0]) == shapes(both[1])
    for found, image in zip(detector.detect(both), (small, large), strict=True):
        assert_same(found, detect(detector, image)[0])


def test_preparation_crosses_processes(detector: ImageDetector) -> None:
    there = pickle.loads(pickle.dumps(detector.prepare))
    for name, array in detector.prepare(street(450, 800)).items():
        assert isinstance(array, np.ndarray)
        np.testing.assert_array_equal(array, there(street(450, 800))[name])


def test_parameters_know_every_backend() -> None:
    field = params.Detect2D.model_fields["backend"]
    assert sorted(field.annotation.__args__) == BACKENDS  # type: ignore[union-attr]
    assert set(BACKENDS) <= set(params.Detect2D.model_fields)


@pytest.mark.parametrize("name", BACKENDS)
def test_every_backend_is_built_alike(name: str) -> None:
    build = inspect.get_annotations(import_module(f"cm3d.detect2d.{name}").build)
    assert build == {"setting": Setting, "return": Detector2D}


@pytest.fixture
def answering(
    request: pytest.FixtureRequest,
    sim_root: Path,
    changed: Change,
    precomputed: Setting,
    cameras: Cameras,
) -> dict[str, Detector2D]:
    """Every backend over the images of `cameras`, which lie in `sim_root`."""
    for row, path in enumerate(cameras.path):
        cv2.imwrite(str(sim_root / path), street(450, 800, seed=row))
    entries = [
        {"image_id": token, "category_id": 1, "bbox": [-9, 0, 90, 50], "score": 0.7}
        for token in ("back", "front", "back")
    ]
    (sim_root / "d.json").write_text(json.dumps(entries))
    settings = {"precomputed": precomputed, "simulated": changed(sim_root, backend="simulated")}
    execution = precomputed.execution
    networks = {
        name: NetworkDetector(request.getfixturevalue(name), sim_root, execution)
        for name in NETWORKS
    }
    return {name: build_detector(setting) for name, setting in settings.items()} | networks


def test_scenes_have_boxes_of_known_classes_on_their_images(
    answering: dict[str, Detector2D], cameras: Cameras
) -> None:
    assert sorted(answering) == BACKENDS
    for name, backend in answering.items():
        found = backend.detect("scene", cameras).table
        assert isinstance(found, Boxes2D)
        assert set(found.camera_token) <= {"front", "back"}, name
        assert set(found.class_name) <= set(CLASS_NAMES), name
        assert ((found.score >= 0) & (found.score <= 1)).all(), name
        assert np.isfinite(found.box_px).all(), name
        assert len(backend.detect("scene", Cameras.empty()).table) == 0, name
    assert sum(len(b.detect("scene", cameras).table) > 0 for b in answering.values()) >= 5


def test_the_order_of_images_changes_nothing(
    answering: dict[str, Detector2D], cameras: Cameras
) -> None:
    for name, backend in answering.items():
        found = backend.detect("scene", cameras).table
        again = backend.detect("scene", cameras[::-1]).table
        for token in ("front", "back"):
            ours, theirs = (table[table.camera_token == token] for table in (found, again))
            assert ours.box_px.tolist() == theirs.box_px.tolist(), name
            assert ours.score.tolist() == theirs.score.tolist(), name
