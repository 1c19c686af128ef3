from collections.abc import Callable

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cm3d.relabel.matching import best_first, match_surest_first, nearness, same_class
from cm3d.tables import Boxes3D
from tests.relabel.made import scattered

MakeBoxes = Callable[..., Boxes3D]


def test_the_surest_goes_first_and_takes_the_nearest(make_boxes: MakeBoxes) -> None:
    others = make_boxes((0, 0), (1.5, 0))
    # the second is surer and takes the box at 0; the first is left with that at 1.5
    boxes = make_boxes((0.1, 0), (0.5, 0), score=np.array([0.3, 0.9]))
    assert match_surest_first(boxes, others, 2.0).tolist() == [1, 0]
    # by nearness alone the first would have taken it
    assert nearness(boxes, others, 2.0)[:, 0].argmax() == 0


def test_class_keyframe_and_reach_count(make_boxes: MakeBoxes) -> None:
    boxes = make_boxes((0, 0))
    for other in (
        make_boxes((0, 0), class_name=["truck"]),
        make_boxes((0, 0), sample_token=["f1"]),
        make_boxes((2.1, 0)),
        make_boxes(),
    ):
        assert match_surest_first(boxes, other, 2.0).tolist() == [-1]
    assert match_surest_first(boxes, make_boxes((2.0, 0)), 2.0).tolist() == [0]
    assert match_surest_first(make_boxes(), boxes, 2.0).tolist() == []


def test_nearness_falls_from_one_at_one_place(make_boxes: MakeBoxes) -> None:
    near = nearness(make_boxes((0, 0)), make_boxes((0, 0), (1, 0), (2, 0), (3, 0)), 2.0)
    np.testing.assert_allclose(near, [[1, 0.5, 0, 0]], atol=1e-8)
    assert near[0, 2] > 0 == near[0, 3]


def test_names_are_compared_across_tables(make_boxes: MakeBoxes) -> None:
    boxes = make_boxes((0, 0), (0, 0), class_name=["bus", "car"])
    others = make_boxes((0, 0), (0, 0), (0, 0), class_name=["car", "bicycle", "bus"])
    assert same_class(boxes, others).tolist() == [[False, False, True], [True, False, False]]


@given(seed=st.integers(0, 10_000))
def test_as_a_naive_loop_does_whatever_the_order_of_rows(seed: int) -> None:
    boxes, others = scattered(seed, 30), scattered(seed + 1, 20)
    found = match_surest_first(boxes, others, 2.0)
    free = set(range(len(others)))
    for row in sorted(range(len(boxes)), key=lambda r: -boxes.score[r]):
        distance_m = {
            column: float(np.linalg.norm(boxes.center_m[row, :2] - others.center_m[column, :2]))
            for column in free
            if others.sample_token[column] == boxes.sample_token[row]
            and others.class_name[column] == boxes.class_name[row]
        }
        nearest = min(distance_m, key=distance_m.__getitem__, default=-1)
        expected = nearest if nearest >= 0 and distance_m[nearest] <= 2.0 else -1
        assert found[row] == expected
        free -= {expected}
    order = np.random.default_rng(seed).permutation(len(boxes))
    assert match_surest_first(boxes[order], others, 2.0).tolist() == found[order].tolist()
    assert best_first(boxes)[0] == boxes.score.argmax()
