from pathlib import Path

import numpy as np
import pytest

from cm3d import params
from cm3d.simulation import error_model
from cm3d.simulation.classes import CLASS_NAMES
from cm3d.tables import Cameras


@pytest.fixture(scope="module")
def model(project: Path) -> params.SimulatedDetector:
    """The default error model."""
    return params.load_params(project / "params.yaml").detect2d.simulated


@pytest.fixture
def camera() -> Cameras:
    """One image."""
    return Cameras.from_columns(
        camera_token=["front"],
        sample_token=["frame"],
        channel=["CAM_FRONT"],
        path=["front.jpg"],
        width_px=[800],
        height_px=[450],
        intrinsics_px=[[630, 0, 400, 0, 630, 245, 0, 0, 1]],
        global_SE3_camera=[[1, 0, 0, 0, 0, 0, 1.5]],
    )


def names(*class_names: str) -> np.ndarray:
    return np.array(class_names, dtype=object)


def test_evidence_is_half_at_the_named_height_and_visibility(
    model: params.SimulatedDetector,
) -> None:
    tall = error_model.evidence(np.array([1e9]), np.array([model.half_recall_visibility]), model)
    shown = error_model.evidence(np.array([model.half_recall_height_px]), np.array([1e9]), model)
    np.testing.assert_allclose([*tall, *shown], 0.5)


def test_evidence_grows_with_height_and_visibility(model: params.SimulatedDetector) -> None:
    height_px, share = np.linspace(0, 400, 50), np.linspace(0, 1, 50)
    by_height = error_model.evidence(height_px, np.ones(50), model)
    by_share = error_model.evidence(np.full(50, 100.0), share, model)
    assert (np.diff(by_height) > 0).all()
    assert (np.diff(by_share) > 0).all()
    assert by_height[0] < 1e-6
    assert by_height[-1] > 0.98


def test_recall_of_plain_objects_is_the_largest(model: params.SimulatedDetector) -> None:
    recall = error_model.recall(np.ones(1), names("car"), "synonyms", model)
    np.testing.assert_allclose(recall, model.max_recall)


def test_plain_prompts_cost_recall(model: params.SimulatedDetector) -> None:
    evidence, classes = np.full(10, 0.8), names(*CLASS_NAMES)
    plain = error_model.recall(evidence, classes, "plain", model)
    synonyms = error_model.recall(evidence, classes, "synonyms", model)
    np.testing.assert_allclose(plain / synonyms, model.plain_prompt_recall)


def test_barriers_and_construction_vehicles_are_hard(model: params.SimulatedDetector) -> None:
    recall = error_model.recall(np.ones(10), names(*CLASS_NAMES), "synonyms", model)
    by_class = dict(zip(CLASS_NAMES, recall, strict=True))
    assert by_class["barrier"] < by_class["construction_vehicle"] < by_class["car"]


def test_pedestrians_are_rarely_taken_for_something_else(model: params.SimulatedDetector) -> None:
    confusion = error_model.confusion(names("pedestrian", "truck"), model)
    assert 0 < confusion[0] < confusion[1] == model.confusion


@pytest.mark.parametrize("class_name", CLASS_NAMES)
def test_every_class_is_taken_for_another_known_one(class_name: str) -> None:
    similar = {error_model.similar_class(class_name, draw) for draw in np.linspace(0, 0.999, 50)}
    assert class_name not in similar
    assert similar <= set(CLASS_NAMES)


def test_trucks_are_taken_for_any_large_vehicle() -> None:
    similar = {error_model.similar_class("truck", draw) for draw in np.linspace(0, 0.999, 50)}
    assert similar == {"car", "bus", "trailer", "construction_vehicle"}


def test_scores_inform_and_stay_within_bounds() -> None:
    scores = error_model.score(np.array([0.1, 0.9, 1.0, 0.0]), np.array([0, 0, 5.0, -5.0]))
    assert scores[0] < scores[1]
    assert ((scores > 0) & (scores < 1)).all()


@pytest.fixture
def many(camera: Cameras, model: params.SimulatedDetector):
    model = model.model_copy(update={"false_positives_per_image": 500.0})
    return error_model.phantoms(camera, model, np.random.default_rng(0))


def test_their_number_is_as_asked(camera: Cameras, model: params.SimulatedDetector) -> None:
    generator = np.random.default_rng(0)
    counts = [len(error_model.phantoms(camera, model, generator)) for _ in range(2000)]
    expected = model.false_positives_per_image
    assert np.mean(counts) == pytest.approx(expected, abs=0.1)


def test_none_if_none_are_asked_for(camera: Cameras, model: params.SimulatedDetector) -> None:
    model = model.model_copy(update={"false_positives_per_image": 0.0})
    assert len(error_model.phantoms(camera, model, np.random.default_rng(0))) == 0


def test_they_stand_on_the_ground_below_the_horizon(many, camera: Cameras) -> None:
    horizon_px = camera.intrinsics_px[0, 5]
    assert (many.box_px[:, 3] > horizon_px).all()
    assert (many.box_px[:, 2:] > many.box_px[:, :2]).all()


def test_they_score_low(many) -> None:
    assert np.mean(many.score) < 0.4


def test_every_class_appears(many) -> None:
    assert set(many.class_name) == set(CLASS_NAMES)
