import numpy as np
import pytest

from cm3d.lift.fit.evidence import Evidence, evidence_of, fit_quality, front_weight
from cm3d.lift.lanes import Headings


def test_cheap_fits_are_good() -> None:
    assert fit_quality(np.array([0.0, 0.3, 0.99, 7.0])).tolist() == [1.0, 0.7, 0.05, 0.05]


def test_deviation_grows_with_length_range_and_cost() -> None:
    # A perfect fit halves (0.1 + 0.1 * 4) m; at 60 m it is twice that.
    quality, length_m, range_m = np.array([[1, 4, 0], [1, 4, 60], [0.5, 4, 0], [1, 9, 0]]).T
    evidence = evidence_of(quality, length_m, range_m, np.array([0, 0.5, 1, 0]))
    assert evidence.position_std_m == pytest.approx([0.25, 0.5, 0.5, 0.5])
    assert evidence.size_weight.tolist() == evidence.yaw_weight.tolist() == [1, 1, 0.5, 1]
    assert evidence.front_weight.tolist() == [0, 0.5, 1, 0]


def test_lanes_tell_the_front_the_less_the_further_away_they_are() -> None:
    headings = Headings(np.zeros(5), np.array([0.0, 1.5, 6.0, 9.0, np.inf]))
    assert front_weight(headings, 6.0).tolist() == [1, 0.75, 0, 0, 0]


def test_evidence_by_rows_and_stacked() -> None:
    columns = np.arange(8.0).reshape(4, 2)
    stacked = Evidence.concatenate([Evidence(*columns), Evidence(*(columns + 10))])
    assert stacked.size_weight.tolist() == [2, 3, 12, 13]
    assert stacked[np.array([3, 0])].yaw_weight.tolist() == [15, 4]
    assert stacked.front_weight.tolist() == [6, 7, 16, 17]
