import pytest

from experiments.paired import Paired, compare


def test_differences_are_tested_run_by_run() -> None:
    # differences 1, 3: mean 2, deviation sqrt(2), error 1, t = 2; p of Cauchy: 1 - 2 atan(2) / pi
    found = compare([11.0, 33.0], [10.0, 30.0])
    assert found is not None
    assert (found.runs, found.difference) == (2, 2.0)
    assert found.error == pytest.approx(1.0)
    assert found.p == pytest.approx(0.29517, abs=1e-5)
    assert str(found) == "+2.0 ± 1.0, p = 0.295"


def test_of_one_run_or_of_equal_differences_there_is_no_test() -> None:
    assert compare([], []) is None
    one = compare([1.0], [3.0])
    assert one == Paired(1, -2.0, None, None)
    assert str(one) == "-2.0"
    assert compare([1.0, 2.0], [0.0, 1.0]) == Paired(2, 1.0, 0.0, None)
