import pytest

from cm3d.fuse import fit_temperature


def test_best_of_the_grid_and_what_each_scored() -> None:
    best, scores = fit_temperature([0.5, 1.0, 4.0], lambda temperature: -abs(temperature - 1.4))
    assert best == 1.0
    assert scores == pytest.approx({0.5: -0.9, 1.0: -0.4, 4.0: -2.6})


def test_of_equals_the_first() -> None:
    assert fit_temperature([2.0, 1.0], lambda _: 0.3)[0] == 2.0
