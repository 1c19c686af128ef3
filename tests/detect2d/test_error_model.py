import numpy as np
import pytest

from cm3d import params
from cm3d.detect2d import error_model
from cm3d.tables.vocabulary import CLASS_NAMES


def names(*class_names: str) -> np.ndarray:
    return np.array(class_names, dtype=object)


def test_evidence_is_half_at_the_named_height_and_visibility(
    detect2d: params.Detect2D,
) -> None:
    model = detect2d.simulated
    tall = error_model.evidence(np.array([1e9]), np.array([model.half_recall_visibility]), model)
    shown = error_model.evidence(np.array([model.half_recall_height_px]), np.array([1e9]), model)
    np.testing.assert_allclose([*tall, *shown], 0.5)


def test_evidence_grows_with_height_and_visibility(detect2d: params.Detect2D) -> None:
    height_px, share = np.linspace(0, 400, 50), np.linspace(0, 1, 50)
    by_height = error_model.evidence(height_px, np.ones(50), detect2d.simulated)
    by_share = error_model.evidence(np.full(50, 100.0), share, detect2d.simulated)
    assert (np.diff(by_height) > 0).all()
    assert (np.diff(by_share) > 0).all()
    assert by_height[0] < 1e-6
    assert by_height[-1] > 0.98


def test_recall_of_plain_objects_is_the_largest(detect2d: params.Detect2D) -> None:
    recall = error_model.recall(np.ones(1), names("car"), "synonyms", detect2d.simulated)
    np.testing.assert_allclose(recall, detect2d.simulated.max_recall)


def test_plain_prompts_cost_recall(detect2d: params.Detect2D) -> None:
    model = detect2d.simulated
    evidence, classes = np.full(10, 0.8), names(*CLASS_NAMES)
    plain = error_model.recall(evidence, classes, "plain", model)
    synonyms = error_model.recall(evidence, classes, "synonyms", model)
    np.testing.assert_allclose(plain / synonyms, model.plain_prompt_recall)


def test_barriers_and_construction_vehicles_are_hard(detect2d: params.Detect2D) -> None:
    recall = error_model.recall(np.ones(10), names(*CLASS_NAMES), "synonyms", detect2d.simulated)
    by_class = dict(zip(CLASS_NAMES, recall, strict=True))
    assert by_class["barrier"] < by_class["construction_vehicle"] < by_class["car"]


def test_pedestrians_are_rarely_taken_for_something_else(detect2d: params.Detect2D) -> None:
    confusion = error_model.confusion(names("pedestrian", "truck"), detect2d.simulated)
    assert 0 < confusion[0] < confusion[1] == detect2d.simulated.confusion


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
