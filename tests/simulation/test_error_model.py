from pathlib import Path

import numpy as np
import pytest
from scipy.special import ndtr, ndtri

from cm3d import params
from cm3d.simulation import error_model
from cm3d.simulation.classes import CLASS_NAMES


@pytest.fixture(scope="module")
def model(project: Path) -> params.SimulatedDetector:
    """The default error model."""
    return params.load_params(project / "params.yaml").detect2d.simulated


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


def test_what_befalls_an_object_lasts_as_much_as_asked() -> None:
    rng = np.random.default_rng(0)
    latent, chances = rng.standard_normal((20000, 1)), rng.random((2, 20000, 1))
    for persistence in (0.0, 0.6, 1.0):
        draws = [error_model.persisting(chance, latent, persistence) for chance in chances]
        # Uniform, whatever lasts: the rates of errors stay what their knobs say.
        for share in (0.1, 0.5, 0.9):
            assert np.mean(draws[0] < share) == pytest.approx(share, abs=0.01)
        normal = [ndtri(draw[:, 0]) for draw in draws]
        assert np.corrcoef(*normal)[0, 1] == pytest.approx(persistence, abs=0.02)
    # By hand: half of 0.5's normal score, 0, and all of the latent's share.
    one = error_model.persisting(np.array([[0.5]]), np.array([[1.0]]), 0.25)
    np.testing.assert_allclose(one, ndtr(0.5))
    assert error_model.persisting(np.ones((1, 1)), np.full((1, 1), 40.0), 0.5) < 1


def test_parts_are_of_one_side() -> None:
    box_px = np.tile([100.0, 50.0, 200.0, 90.0], (5, 1))
    partial = np.array([True, True, True, True, False])
    cut_px = error_model.part_boxes(box_px, partial, np.array([0.0, 0.25, 0.5, 0.75, 0.2]))
    # 0.35 of the width, then the middle of 0.35 to 0.7; from the left, then from the right.
    np.testing.assert_allclose(cut_px[:, 0], [100, 100, 165, 147.5, 100])
    np.testing.assert_allclose(cut_px[:, 2], [135, 152.5, 200, 200, 200])
    np.testing.assert_array_equal(cut_px[:, [1, 3]], box_px[:, [1, 3]])


def test_neighbours_share_a_box() -> None:
    box_px = np.array([[0, 0, 100, 50], [110, 5, 200, 55], [120, 0, 220, 50], [400, 0, 500, 50.0]])
    classes, found = names("car", "car", "truck", "car"), np.ones(4, dtype=bool)
    together_px, alone = error_model.group_boxes(box_px, classes, found, np.ones(4, dtype=bool))
    # The trucks and the far car have no neighbour of their class; of the pair the first leads.
    assert alone.tolist() == [True, False, True, True]
    np.testing.assert_array_equal(together_px[0], [0, 0, 200, 55])
    np.testing.assert_array_equal(together_px[2:], box_px[2:])


@pytest.mark.parametrize("lonely", ["not grouped", "not found", "much taller", "above"])
def test_others_keep_boxes_of_their_own(lonely: str) -> None:
    box_px = np.array([[0, 0, 100, 50], [110, 5, 200, 55.0]])
    found, grouped = np.ones(2, dtype=bool), np.ones(2, dtype=bool)
    if lonely == "not grouped":
        grouped[:] = False
    elif lonely == "not found":
        found[1] = False
    elif lonely == "much taller":
        box_px[1, 1] = -60
    else:
        box_px[1, [1, 3]] = -60, -10
    together_px, alone = error_model.group_boxes(box_px, names("car", "car"), found, grouped)
    np.testing.assert_array_equal(together_px, box_px)
    np.testing.assert_array_equal(alone, found)


def test_a_single_object_has_no_neighbour() -> None:
    for count in (0, 1):
        box_px, mask = np.zeros((count, 4)), np.ones(count, dtype=bool)
        together_px, alone = error_model.group_boxes(box_px, names(*["car"] * count), mask, mask)
        assert together_px.shape == (count, 4) and alone.all()
