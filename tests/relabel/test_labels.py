from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cm3d.params import Relabel
from cm3d.relabel.labels import guarded, recall_of_labels, recall_of_model, refined_labels
from cm3d.relabel.split import Split
from cm3d.tables import Boxes3D, GroundTruth
from cm3d.tables.table import columns_of
from cm3d.taxonomy import Taxonomy
from tests.relabel.made import scattered

MakeBoxes = Callable[..., Boxes3D]
AsTruth = Callable[..., GroundTruth]
MakeSplit = Callable[..., Split]


def with_knobs(params: Relabel, **knobs: Any) -> Relabel:
    return params.model_copy(update=knobs)


def same(first: Boxes3D, second: Boxes3D) -> None:
    for name in columns_of(Boxes3D):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name), err_msg=name)


@pytest.mark.parametrize("calibration", ["agreement", "labelled", "none"])
@pytest.mark.parametrize("guard", [False, True])
def test_truth_of_the_unlabelled_part_changes_no_byte(
    calibration: str,
    guard: bool,
    as_truth: AsTruth,
    make_split: MakeSplit,
    taxonomy: Taxonomy,
    params: Relabel,
) -> None:
    chosen = with_knobs(params, calibration=calibration, guard=guard)
    truth, old, new = (as_truth(scattered(0, 60, 4)), scattered(1, 60, 4), scattered(2, 80, 4))
    labels = refined_labels(new, old, make_split(4, 2, truth), taxonomy, chosen)
    hidden = np.isin(truth.sample_token.astype(str), ["f2", "f3"])
    moved = truth.replace(center_m=truth.center_m + 5.0 * hidden[:, None])
    same(refined_labels(new, old, make_split(4, 2, moved), taxonomy, chosen), labels)
    same(refined_labels(new, old, make_split(4, 2, truth[~hidden]), taxonomy, chosen), labels)
    shown = truth.replace(center_m=truth.center_m + 20.0 * ~hidden[:, None])
    other = refined_labels(new, old, make_split(4, 2, shown), taxonomy, chosen)
    assert len(other) != len(labels) or (other.score != labels.score).any()


def test_the_order_of_rows_plays_no_part(
    as_truth: AsTruth, make_split: MakeSplit, taxonomy: Taxonomy, params: Relabel
) -> None:
    truth, old, new = (as_truth(scattered(0, 60, 4)), scattered(1, 60, 4), scattered(2, 80, 4))
    labels = refined_labels(new, old, make_split(4, 2, truth), taxonomy, params)
    rng = np.random.default_rng(0)
    mixed = refined_labels(
        new[rng.permutation(80)],
        old[rng.permutation(60)],
        make_split(4, 2, truth[rng.permutation(60)]),
        taxonomy,
        params,
    )
    np.testing.assert_allclose(mixed.score, labels.score, rtol=1e-9)
    np.testing.assert_allclose(mixed.center_m, labels.center_m, rtol=1e-9)


def test_recalls_by_hand(
    make_boxes: MakeBoxes, as_truth: AsTruth, make_split: MakeSplit, taxonomy: Taxonomy
) -> None:
    # of two cars in range with points one has a label; one is too far, one has no points
    truth = as_truth(make_boxes((0, 0), (10, 0), (60, 0)))
    unseen = as_truth(make_boxes((20, 0)), points=0)
    split = make_split(2, 1, GroundTruth.concatenate([truth, unseen]))
    old = make_boxes((1, 0), (5, 0), (10, 0), sample_token=["f0", "f0", "f1"])
    expected = (1 + 5 * 0.5) / (2 + 5)
    recall = recall_of_labels(old, split, taxonomy, 2.0)
    np.testing.assert_allclose(recall[:2], [expected, 0.5])
    # of labels that are 0.9 and 0.3 of an object the model sees the former
    of_model = recall_of_model(
        make_boxes((0, 0)), make_boxes((0, 1), (9, 0), score=[0.9, 0.3]), taxonomy, 2.0
    )
    np.testing.assert_allclose(of_model[:2], [(0.9 + 5 * 0.75) / (1.2 + 5), 0.75])


def test_scores_become_probabilities_where_old_labels_judge(
    as_truth: AsTruth, make_split: MakeSplit, taxonomy: Taxonomy, params: Relabel
) -> None:
    """A model that is right half as often as it says, in 200 keyframes of one car each."""
    rng = np.random.default_rng(0)
    tokens = [f"f{step}" for step in range(200)]
    cars = scattered(0, 200).replace(
        sample_token=np.array(tokens, dtype=object),
        class_name=np.full(200, "car", dtype=object),
        center_m=np.tile([5.0, 0, 0], (200, 1)),
        score=np.full(200, 0.9),
    )
    is_right = rng.uniform(size=200) < 0.45
    away_m = np.where(is_right, 0.0, 20.0)[:, None] * [1.0, 0, 0]
    new = cars.replace(center_m=cars.center_m + away_m)
    labelled = rng.uniform(size=200) < 0.8
    old = cars[labelled].replace(score=np.full(labelled.sum(), 1.0))
    split = make_split(200, 40, as_truth(cars))
    for calibration in ("agreement", "labelled"):
        chosen = with_knobs(params, calibration=calibration, merge=False, guard=False)
        labels = refined_labels(new, old, split, taxonomy, chosen)
        assert len(labels) == 200
        assert split.unlabelled_only(labels).score.mean() == pytest.approx(0.45, abs=0.08)
        raw = refined_labels(new, old, split, taxonomy, with_knobs(chosen, calibration="none"))
        same(raw, new)


def test_a_guarded_class_keeps_its_labels(
    make_boxes: MakeBoxes, as_truth: AsTruth, make_split: MakeSplit, taxonomy: Taxonomy,
    params: Relabel,
) -> None:  # fmt: skip
    truth = as_truth(make_boxes((0, 0), (9, 0), class_name=["car", "bus"]))
    split = make_split(2, 1, truth)
    names, both = ["car", "bus", "truck"] * 2, ["f0"] * 3 + ["f1"] * 3
    # old labels are right about the bus, new ones about the car; nobody knows of trucks
    old = make_boxes(*[(5, 0), (9, 0), (0, 9)] * 2, class_name=names, sample_token=both)
    new = make_boxes(*[(0, 0), (5, 0), (0, 8)] * 2, class_name=names, sample_token=both)
    kept = guarded(new, old, split, taxonomy, params)
    assert sorted(zip(kept.sample_token, kept.class_name, kept.center_m[:, 0], strict=True)) == [
        (token, name, x)
        for token in ("f0", "f1")
        for name, x in (("bus", 9.0), ("car", 0.0), ("truck", 0.0))
    ]
    assert kept.center_m[kept.class_name == "truck", 1].tolist() == [8.0, 8.0]
