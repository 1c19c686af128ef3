import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cm3d.lift.tracks.grid import Grid
from cm3d.lift.tracks.scores import track_scores


def _score(scores: list[float], prior_boxes: float) -> float:
    count = len(scores)
    grid = Grid.from_tracks(np.zeros(count, np.int64), np.arange(count), np.arange(count) * 0.5)
    return float(track_scores(np.array(scores), grid, prior_boxes)[0])


def test_by_hand() -> None:
    np.testing.assert_allclose(_score([0.4, 0.8], 2.0), 1.2 / 4)
    np.testing.assert_allclose(_score([0.8], 0.0), 0.8)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.floats(0, 1), st.floats(0, 10))
def test_longer_is_better_and_all_stays_a_score(
    scores: list[float], more: float, prior_boxes: float
) -> None:
    shorter = _score(scores, prior_boxes)
    assert 0 <= shorter <= 1
    mean = float(np.mean(scores))
    assert _score([*scores, mean], prior_boxes) >= shorter - 1e-12
    raised = [max(score, more) for score in scores]
    assert _score(raised, prior_boxes) >= shorter - 1e-12
