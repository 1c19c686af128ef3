from pathlib import Path

import numpy as np
import pytest

from cm3d.errors import InputError
from cm3d.geometry.se3 import SE3
from cm3d.lift.explained import ExplainedBoxes
from cm3d.tables import Boxes3D
from stages.shared.evidence import of_class, surest_first, told
from tests.lift.made import unexplained

AHEAD_2_M = SE3(np.eye(3), np.array([2.0, 0, 0]))


@pytest.fixture
def found(project: Path) -> ExplainedBoxes:
    """A filled gap of a car's track, and a truck that a mask shows."""
    boxes = Boxes3D.from_columns(
        sample_token=["f1", "f1"],
        class_name=["car", "truck"],
        score=[0.5, 0.625],
        center_m=[[10, 3, 1]] * 2,
        length_m=[4.5] * 2,
        width_m=[1.8] * 2,
        height_m=[1.5] * 2,
        yaw_rad=[0.0] * 2,
        velocity_mps=[[0, 0]] * 2,
        attribute_name=[""] * 2,
    )
    why = unexplained(boxes).why.replace(
        track=[4, 5],
        seen=[False, True],
        track_score=[0.6, np.nan],
        gap_factor=[0.8, 1.0],
        mask_score=[np.nan, 0.9],
        fit_quality=[np.nan, 0.5],
        second_class=["bus", ""],
        second_share=[0.25, 0.0],
        raw_score=[0.48, 0.45],
    )
    return ExplainedBoxes(boxes, why)


def test_rows_are_told_surest_first(found: ExplainedBoxes) -> None:
    truck, gap = told(surest_first(found), AHEAD_2_M)
    assert truck[0] == "5\n1" and gap[0] == "4\n1"
    assert gap[1] == "car\ncar 1.00, bus 0.25"
    assert truck[2] == "8.0, 3.0\n1"  # seen from the ego vehicle
    assert truck[3] == "medoid\n-"
    assert truck[4] == "lane\nlane"
    assert truck[5] == "class\n4.5 x 1.8 x 1.5"
    assert truck[6] == "0.62\nmask 0.90 fit 0.50\n= 0.45"
    assert gap[6] == "0.50\n\ntrack 0.60 gap 0.80 = 0.48"


def test_one_class(found: ExplainedBoxes) -> None:
    assert of_class(found, "car").boxes.score.tolist() == [0.5]
    with pytest.raises(InputError, match="no 'bus' in the keyframe; it has car, truck"):
        of_class(found, "bus")
