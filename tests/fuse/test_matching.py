import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cm3d.fuse.matching import greedy_match


def pairs(iou: np.ndarray, min_iou: float) -> list[tuple[int, int]]:
    rows, columns = greedy_match(iou, min_iou)
    return list(zip(rows.tolist(), columns.tolist(), strict=True))


def test_best_overlap_goes_first() -> None:
    # Greedy takes 0.9 although 0.8 + 0.7 is more.
    assert pairs(np.array([[0.9, 0.8], [0.7, 0.1]]), 0.2) == [(0, 0)]
    assert pairs(np.array([[0.9, 0.8], [0.7, 0.1]]), 0.1) == [(0, 0), (1, 1)]


def test_overlap_at_the_threshold_matches_and_below_does_not() -> None:
    assert pairs(np.array([[0.2]]), 0.2) == [(0, 0)]
    assert pairs(np.array([[0.1999]]), 0.2) == []


def test_boxes_apart_never_match() -> None:
    assert pairs(np.zeros((2, 2)), 0.0) == []


def test_first_of_equals() -> None:
    assert pairs(np.full((2, 3), 0.5), 0.2) == [(0, 0), (1, 1)]


def test_nothing_to_match() -> None:
    assert pairs(np.zeros((0, 4)), 0.2) == []
    assert pairs(np.zeros((4, 0)), 0.2) == []


@given(
    arrays(
        np.float64,
        st.tuples(st.integers(0, 6), st.integers(0, 6)),
        elements=st.sampled_from([0.0, 0.1, 0.2, 0.3, 0.5, 0.8, 1.0]),
    )
)
def test_same_as_taking_the_maximum_again_and_again(iou: np.ndarray) -> None:
    left, expected = iou.copy(), []
    while left.size and left.max() >= 0.2:
        row, column = np.unravel_index(np.argmax(left), left.shape)
        expected.append((int(row), int(column)))
        left[row] = left[:, column] = 0
    assert pairs(iou, 0.2) == expected
