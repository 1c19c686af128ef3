"""The fast engine against nuscenes-devkit, on tables; test_parity.py starts from files."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cm3d.errors import InputError
from cm3d.evaluation.nuscenes.agnostic import (
    Agnostic,
    AgnosticProtocol,
    evaluate_class_agnostic,
    protocols,
)
from cm3d.evaluation.nuscenes.detection import Detection, evaluate_boxes
from cm3d.evaluation.nuscenes.devkit import detection_config
from cm3d.evaluation.nuscenes.rules import DISTANCES_M, ERROR_DISTANCE_M
from cm3d.evaluation.nuscenes.scores import DetectionScores
from cm3d.tables import Boxes3D, GroundTruth
from cm3d.taxonomy import Taxonomy, load_taxonomy
from tests.evaluation.known import CLASS_NAMES, PROTOCOLS, TAXONOMY

Make = Callable[..., Any]
Compare = Callable[[DetectionScores, DetectionScores], None]
NO_RACKS = Boxes3D.empty()


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), most=st.sampled_from([3, 30, 80]))
def test_engines_agree_on_random_submissions(
    seed: int, most: int, random_split: Make, assert_same_scores: Compare
) -> None:
    split = random_split(seed, most)
    assert_same_scores(evaluate_boxes(*split, TAXONOMY), evaluate_boxes(*split, TAXONOMY, "devkit"))


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_keyframes_one_by_one_score_as_all_at_once(
    seed: int, random_split: Make, assert_same_scores: Compare
) -> None:
    boxes, truth, frames, racks = random_split(seed, 80)
    detection = Detection(TAXONOMY)
    agnostic = [Agnostic(protocol, TAXONOMY) for protocol in PROTOCOLS]
    for row in range(len(frames)):
        for evaluation in (detection, *agnostic):
            evaluation.add(boxes, truth, frames[row : row + 1], racks)
    whole = evaluate_boxes(boxes, truth, frames, racks, TAXONOMY)
    assert_same_scores(detection.scores(), whole)
    assert detection.scores().present == whole.present
    for evaluation in agnostic:
        ours = evaluate_class_agnostic(
            boxes, truth, frames, racks, evaluation.protocol, TAXONOMY, "devkit"
        )
        assert evaluation.scores().nds == pytest.approx(ours.nds, abs=1e-9)


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda protocol: protocol.name)
@pytest.mark.parametrize("seed", range(3))
def test_engines_agree_without_classes(
    protocol: AgnosticProtocol, seed: int, random_split: Make
) -> None:
    split = random_split(seed, 80)
    ours = evaluate_class_agnostic(*split, protocol, TAXONOMY)
    theirs = evaluate_class_agnostic(*split, protocol, TAXONOMY, "devkit")
    assert ours.ap == pytest.approx(theirs.ap, abs=1e-9)
    assert ours.errors == pytest.approx(theirs.errors, abs=1e-9)
    assert ours.nds == pytest.approx(theirs.nds, abs=1e-9)
    np.testing.assert_allclose(ours.precision, theirs.precision, atol=1e-9)


def test_random_submissions_are_worth_comparing(random_split: Make) -> None:
    """Matches, misses, equal scores among matches and unknown velocities all occur."""
    predictions, truth, frames, racks = random_split(0, 80)
    scores = evaluate_boxes(predictions, truth, frames, racks, TAXONOMY)
    assert 0.01 < scores.mean_ap < 0.9
    assert len(np.unique(predictions.score)) < len(predictions) / 4
    assert np.isnan(truth.velocity_mps).any()
    assert (truth.attribute_name == "").any()
    assert not set(frames.sample_token) <= set(truth.sample_token)


@pytest.mark.parametrize("scores", [[0.0] * 9, [0.5] * 9, np.linspace(0, 1, 9)])
@pytest.mark.parametrize("class_name", CLASS_NAMES)
def test_engines_agree_on_every_class_and_on_scores_of_zero(
    make_truth: Make,
    make_boxes: Make,
    make_frames: Make,
    assert_same_scores: Compare,
    scores: Any,
    class_name: str,
) -> None:
    xy_m = np.array([(3 * i, 5) for i in range(9)], dtype=float)
    truth = make_truth(xy_m, class_name=[class_name] * 9, velocity_mps=np.full((9, 2), np.nan))
    boxes = make_boxes(
        xy_m + 0.3, class_name=[class_name] * 9, score=scores, yaw_rad=np.linspace(-9, 9, 9)
    )
    split = (boxes, truth, make_frames("f"), NO_RACKS)
    assert_same_scores(evaluate_boxes(*split, TAXONOMY), evaluate_boxes(*split, TAXONOMY, "devkit"))


def test_a_tie_in_distance_is_broken_as_the_devkit_does(
    make_truth: Make, make_boxes: Make, make_frames: Make, assert_same_scores: Compare
) -> None:
    """Offsets (a, b) and (b, a): rounded with fused multiply-add, one may be the longer."""
    tokens = [f"f{index}" for index in range(80)]
    offset_m = np.random.default_rng(0).uniform(0.1, 1, (80, 2))
    both = [
        make_truth(xy_m, sample_token=tokens, yaw_rad=np.full(80, yaw_rad))
        for xy_m, yaw_rad in ((offset_m, 0.0), (offset_m[:, ::-1], 1.0))
    ]
    boxes = make_boxes(np.zeros((80, 2)), sample_token=tokens, score=np.linspace(1, 0.5, 80))
    split = (boxes, GroundTruth.concatenate(both), make_frames(*tokens), NO_RACKS)
    assert_same_scores(evaluate_boxes(*split, TAXONOMY), evaluate_boxes(*split, TAXONOMY, "devkit"))


def test_the_rules_are_those_of_the_challenge() -> None:
    config = detection_config()
    assert (tuple(config.dist_ths), config.dist_th_tp) == (DISTANCES_M, ERROR_DISTANCE_M)
    assert (config.min_recall, config.min_precision, config.mean_ap_weight) == (0.1, 0.1, 5)
    assert tuple(config.class_names) == CLASS_NAMES
    assert config.class_range == {n: row.range_m for n, row in TAXONOMY.classes.items()}


@pytest.mark.parametrize(
    ("column", "value"), [("errors", ("ATE",)), ("symmetric", True), (None, None)]
)
def test_the_devkit_refuses_classes_that_it_knows_by_other_rules(
    make_truth: Make, make_boxes: Make, make_frames: Make, column: str | None, value: Any
) -> None:
    car, bus = TAXONOMY.classes["car"], TAXONOMY.classes["bus"]
    classes = {"car": car, "bus" if column else "van": bus}
    if column:
        classes["bus"] = bus.model_copy(update={column: value})
    taxonomy = Taxonomy.model_validate(
        {**TAXONOMY.model_dump(), "classes": {n: row.model_dump() for n, row in classes.items()}}
    )
    split = (make_boxes([(1, 1)]), make_truth([(1, 1)]), make_frames("f"), NO_RACKS, taxonomy)
    name = "bus" if column else "van"
    with pytest.raises(InputError, match=f"evaluate.engine: .*no class '{name}'.*set it to fast"):
        evaluate_boxes(*split, engine="devkit")
    assert evaluate_boxes(*split, engine="fast").engine == "fast"


def test_the_devkit_refuses_attributes_that_it_does_not_know(
    make_truth: Make, make_boxes: Make, make_frames: Make
) -> None:
    names = (*TAXONOMY.attribute_names, "flying")
    taxonomy = Taxonomy.model_validate({**TAXONOMY.model_dump(), "attribute_names": names})
    boxes = make_boxes([(1, 1)], attribute_name=["flying"])
    with pytest.raises(InputError, match=r"evaluate.engine: .*no attribute 'flying'"):
        evaluate_boxes(boxes, make_truth([]), make_frames("f"), NO_RACKS, taxonomy, "devkit")


def test_a_part_of_the_ten_classes_is_known_to_the_devkit(
    random_split: Make, assert_same_scores: Compare
) -> None:
    classes = {n: row for n, row in TAXONOMY.model_dump()["classes"].items() if n != "car"}
    taxonomy = Taxonomy.model_validate({**TAXONOMY.model_dump(), "classes": classes})
    predictions, truth, frames, racks = random_split(3, 80)
    split = (predictions[predictions.class_name != "car"], truth, frames, racks, taxonomy)
    ours = evaluate_boxes(*split)
    assert list(ours.ap) == list(classes)
    assert_same_scores(ours, evaluate_boxes(*split, engine="devkit"))


def test_an_error_that_no_class_has_counts_fully(
    make_truth: Make, make_boxes: Make, make_frames: Make
) -> None:
    """As one: perfect cars earn (5 + 1 + 1) / 10."""
    car = {**TAXONOMY.model_dump()["classes"]["car"], "errors": ("ATE", "ASE")}
    taxonomy = Taxonomy.model_validate({**TAXONOMY.model_dump(), "classes": {"car": car}})
    xy_m = [(2 * i, 5) for i in range(10)]
    split = (make_boxes(xy_m), make_truth(xy_m), make_frames("f"), NO_RACKS, taxonomy)
    scores = evaluate_boxes(*split)
    assert scores.mean_errors["AOE"] == 1
    assert scores.nds == pytest.approx(0.7)


@pytest.mark.parametrize("name", ["nuscenes18", "waymo"])
def test_engines_agree_without_the_classes_of_any_list(name: str, random_split: Make) -> None:
    taxonomy = load_taxonomy(name)
    predictions, truth, frames, racks = random_split(0, 80)
    predictions, truth = (_renamed(boxes, taxonomy) for boxes in (predictions, truth))
    for protocol in protocols(taxonomy):
        split = (predictions, truth, frames, racks, protocol, taxonomy)
        ours, theirs = (evaluate_class_agnostic(*split, e) for e in ("fast", "devkit"))
        assert ours.ap == pytest.approx(theirs.ap, abs=1e-9)
        assert 0 < ours.ap < 1
        assert ours.nds == pytest.approx(theirs.nds, abs=1e-9)


def _renamed(boxes: Any, taxonomy: Taxonomy) -> Any:
    """The same boxes in classes of another list."""
    known = [taxonomy.class_names[CLASS_NAMES.index(n) % 3] for n in boxes.class_name]
    return boxes.replace(class_name=known)
