import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cm3d.lift.refine.samples import Samples, sample_points


def numbered(count: int) -> np.ndarray:
    return np.arange(count)[:, None] * np.ones(3)


def test_points_of_each_object_spread_over_their_order() -> None:
    samples = sample_points(numbered(7), np.array([1, 1, 1, 1, 1, 3, 4]), np.array([1, 2, 3]), 2)
    assert samples.valid.tolist() == [[True, True], [False, False], [True, False]]
    assert samples.points_m[0, :, 0].tolist() == [0, 2]
    assert samples.points_m[2, 0].tolist() == [5, 5, 5]
    assert samples.divisor().tolist() == [2, 1, 1]
    assert samples.mean().tolist() == [[1, 1, 1], [0, 0, 0], [5, 5, 5]]


def test_mean_leaves_out_what_is_not_there() -> None:
    samples = Samples(
        np.array([[[1.0, 2, 3], [3, 2, 1], [99, 99, 99]]]), np.array([[1, 1, 0]]) == 1
    )
    assert samples.mean().tolist() == [[2, 2, 2]]


def test_rows_may_repeat() -> None:
    samples = sample_points(numbered(2), np.array([0, 1]), np.array([0, 1]), 1)
    assert samples.rows(np.array([1, 1, 0])).points_m[:, 0, 0].tolist() == [1, 1, 0]


def test_nothing_to_sample() -> None:
    none = np.empty(0, dtype=np.int64)
    assert sample_points(np.empty((0, 3)), none, np.array([4]), 3).valid.tolist() == [[False] * 3]
    assert sample_points(numbered(2), np.array([0, 0]), none, 3).points_m.shape == (0, 3, 3)


@given(st.lists(st.integers(0, 5), max_size=40), st.integers(1, 8))
def test_own_points_without_repeats_and_all_if_they_fit(owner: list[int], most: int) -> None:
    owner = sorted(owner)
    samples = sample_points(
        numbered(len(owner)), np.array(owner, dtype=np.int64), np.arange(6), most
    )
    for each in range(6):
        own = [row for row, value in enumerate(owner) if value == each]
        chosen = samples.points_m[each][samples.valid[each]][:, 0].tolist()
        assert set(chosen) <= set(own)
        assert len(set(chosen)) == len(chosen) == min(len(own), most)
