from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cm3d.evaluation.match_errors import match_errors

Make = Callable[..., Any]
ROW = np.array([0])


def test_errors_are_those_put_in(make_boxes: Make, make_truth: Make) -> None:
    """0.3, 0.4 m off; half as long; turned by 0.2 and a full turn; 3, 4 m/s; wrong attribute."""
    boxes = make_boxes(
        [(0.3, 0.4)], length_m=[2.0], yaw_rad=[0.2 + 2 * np.pi], velocity_mps=[[3.0, 4.0]]
    )
    errors = match_errors(boxes, make_truth([(0, 0)], attribute_name=["vehicle.moving"]), ROW, ROW)
    found = {name: float(values[0]) for name, values in errors.items()}
    assert found == pytest.approx({"ATE": 0.5, "ASE": 0.5, "AOE": 0.2, "AVE": 5.0, "AAE": 1.0})


def test_rows_pick_the_pairs(make_boxes: Make, make_truth: Make) -> None:
    boxes, truth = make_boxes([(0, 0), (5, 0)]), make_truth([(7, 0), (0, 1), (9, 9)])
    errors = match_errors(boxes, truth, np.array([1, 0]), np.array([0, 1]))
    assert errors["ATE"].tolist() == [2, 1]
    assert len(match_errors(boxes, truth, ROW[:0], ROW[:0])["ASE"]) == 0


@pytest.mark.parametrize(("class_name", "error_rad"), [("car", 3.0), ("barrier", np.pi - 3.0)])
def test_only_a_barrier_has_no_front(
    make_boxes: Make, make_truth: Make, class_name: str, error_rad: float
) -> None:
    boxes = make_boxes([(0, 0)], class_name=[class_name], yaw_rad=[3.0])
    truth = make_truth([(0, 0)], class_name=[class_name])
    assert match_errors(boxes, truth, ROW, ROW)["AOE"][0] == pytest.approx(error_rad)


def test_what_the_truth_does_not_know_is_no_error(make_boxes: Make, make_truth: Make) -> None:
    truth = make_truth([(0, 0)], velocity_mps=[[np.nan, np.nan]], attribute_name=[""])
    errors = match_errors(make_boxes([(0, 0)]), truth, ROW, ROW)
    assert np.isnan(errors["AVE"][0])
    assert np.isnan(errors["AAE"][0])
