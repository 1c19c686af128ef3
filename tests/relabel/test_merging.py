from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cm3d.relabel.merging import Recalls, merge, merge_keyframe, unconfirmed
from cm3d.tables import Boxes3D
from cm3d.tables.table import columns_of
from cm3d.taxonomy import Taxonomy, load_taxonomy
from tests.conftest import PROJECT
from tests.relabel.made import scattered

MakeBoxes = Callable[..., Boxes3D]
TAXONOMY = load_taxonomy("nuscenes", PROJECT / "taxonomies")
COUNT = len(TAXONOMY.classes)
HALF = Recalls(np.full(COUNT, 0.5), np.full(COUNT, 0.8))


def same(first: Boxes3D, second: Boxes3D) -> None:
    for name in columns_of(Boxes3D):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name), err_msg=name)


def test_a_pair(make_boxes: MakeBoxes, taxonomy: Taxonomy) -> None:
    old = make_boxes(
        (0, 0),
        score=[0.6],
        yaw_rad=[0.1],
        velocity_mps=[[3.0, 0]],
        attribute_name=["vehicle.moving"],
    )
    # turned round, which says nothing of length and width; a third of the weight
    new = make_boxes((1.2, 0.6), score=[0.3], yaw_rad=[3.1], length_m=[4.6], height_m=[1.8])
    merged = merge_keyframe(old, new, taxonomy, 2.0, HALF)
    assert len(merged) == 1
    np.testing.assert_allclose(merged.center_m, [[0.4, 0.2, 1.0]])
    np.testing.assert_allclose(merged.cuboids.size_m, [[4.2, 2.0, 1.6]])
    np.testing.assert_allclose(merged.score, [1 - 0.4 * 0.7])
    assert merged.yaw_rad[0] == 0.1
    assert merged.velocity_mps.tolist() == [[3.0, 0.0]]
    assert merged.attribute_name[0] == "vehicle.moving"


def test_a_box_that_lies_across_is_read_along(make_boxes: MakeBoxes, taxonomy: Taxonomy) -> None:
    old = make_boxes((0, 0), score=[0.5])
    new = make_boxes((0, 0), score=[0.5], yaw_rad=[np.pi / 2], length_m=[2.4], width_m=[4.4])
    merged = merge_keyframe(old, new, taxonomy, 2.0, None)
    np.testing.assert_allclose(merged.cuboids.size_m, [[4.2, 2.2, 1.5]])


def test_what_the_other_source_does_not_see_is_less_probable(
    make_boxes: MakeBoxes, taxonomy: Taxonomy
) -> None:
    old, new = make_boxes((0, 0), score=[0.6]), make_boxes((9, 0), score=[0.6])
    # the model sees 0.8 of the objects: 0.6 * 0.2 / (1 - 0.6 * 0.8); labels half of them
    merged = merge_keyframe(old, new, taxonomy, 2.0, HALF)
    np.testing.assert_allclose(merged.score, [0.12 / 0.52, 0.3 / 0.7])
    kept = merge_keyframe(old, new, taxonomy, 2.0, None)
    same(kept, Boxes3D.concatenate([old, new]))


def test_bayes_by_counting() -> None:
    # of 100 boxes 60 are right, and of those 80% are confirmed: 12 right among 12 + 40 are not
    boxes = scattered(0, 1).replace(score=np.array([0.6]))
    np.testing.assert_allclose(unconfirmed(boxes, np.array([0.8])).score, [12 / 52])


def test_nearest_pairs_first(make_boxes: MakeBoxes, taxonomy: Taxonomy) -> None:
    old = make_boxes((0, 0), (1.8, 0), score=[0.9, 0.2])
    new = make_boxes((1.5, 0), score=[0.5])
    merged = merge_keyframe(old, new, taxonomy, 2.0, None)
    # the pair comes first: 0.3 m, though the surer label is within reach
    np.testing.assert_allclose(merged.score, [1 - 0.8 * 0.5, 0.9])


@pytest.mark.parametrize(
    ("x_m", "label", "expected"), [(1.9, 0.8, 0.1), (2.1, 0.8, 0.5), (1.9, 0.4, 0.5)]
)
def test_a_box_on_a_surer_label_of_another_class(
    make_boxes: MakeBoxes, taxonomy: Taxonomy, x_m: float, label: float, expected: float
) -> None:
    # cars are suppressed within 2 m
    old = make_boxes((0, 0), score=[label], class_name=["truck"])
    new = make_boxes((x_m, 0), score=[0.5])
    merged = merge_keyframe(old, new, taxonomy, 3.0, None)
    np.testing.assert_allclose(merged.score, [label, expected])


@given(seed=st.integers(0, 10_000))
def test_merged_with_nothing_labels_stay_but_for_a_factor(seed: int) -> None:
    boxes = scattered(seed, 20)
    for merged, recall in (
        (merge(boxes, Boxes3D.empty(), TAXONOMY, 2.0, HALF), 0.8),
        (merge(Boxes3D.empty(), boxes, TAXONOMY, 2.0, HALF), 0.5),
    ):
        order = np.lexsort((-boxes.score, boxes.sample_token.astype(str)))
        expected = unconfirmed(boxes, np.full(len(boxes), recall))[order]
        same(merged, expected)
    same(merge(boxes, Boxes3D.empty(), TAXONOMY, 2.0, None), boxes[order])


@given(seed=st.integers(0, 10_000))
def test_the_order_of_rows_plays_no_part(seed: int) -> None:
    old, new = scattered(seed, 20), scattered(seed + 1, 25)
    rng = np.random.default_rng(seed)
    merged = merge(old, new, TAXONOMY, 2.0, HALF)
    mixed = merge(old[rng.permutation(20)], new[rng.permutation(25)], TAXONOMY, 2.0, HALF)
    same(merged, mixed)
    assert ((merged.score >= 0) & (merged.score <= 1)).all()
    assert 25 <= len(merged) <= 45
