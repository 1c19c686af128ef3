import sys
from pathlib import Path

import numpy as np
import pytest

from cm3d.errors import InputError
from cm3d.lift.explained import ExplainedBoxes
from cm3d.tables import Boxes3D, Frames, layout
from experiments.explain import main, of_class, of_keyframe, told
from tests.lift.made import unexplained

TOKENS = ["f0", "f1"]


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ExplainedBoxes:
    """A car seen in f0, a gap of it and a truck in f1, by when the ego vehicle has driven 2 m."""
    monkeypatch.chdir(tmp_path)
    Frames(
        sample_token=TOKENS,
        scene_name=["s"] * 2,
        timestamp_us=[0, 1],
        split=["val"] * 2,
        location=[""] * 2,
        global_SE3_ego=[[1, 0, 0, 0, 0, 0, 0], [1, 0, 0, 0, 2, 0, 0]],
    ).write(layout.FRAMES / "s.parquet")
    boxes = Boxes3D(
        sample_token=["f0", "f1", "f1"],
        class_name=["car", "car", "truck"],
        score=[0.75, 0.5, 0.625],
        center_m=[[10, 3, 1]] * 3,
        length_m=[4.5] * 3,
        width_m=[1.8] * 3,
        height_m=[1.5] * 3,
        yaw_rad=[0.0] * 3,
        velocity_mps=[[0, 0]] * 3,
        attribute_name=[""] * 3,
    )
    gap = np.array([False, True, False])
    why = unexplained(boxes).why.replace(
        track=[4, 4, 5],
        seen=~gap,
        track_score=[0.6, 0.6, np.nan],
        gap_factor=np.where(gap, 0.8, 1.0),
        mask_score=np.where(gap, np.nan, 0.9),
        fit_quality=np.where(gap, np.nan, 0.5),
        second_class=["bus", "bus", ""],
        second_share=[0.25, 0.25, 0.0],
        raw_score=[0.6, 0.48, 0.45],
    )
    boxes.write(layout.LIFTED / "s.parquet")
    why.write(layout.LIFT_EXPLAINED / "s.parquet")
    return ExplainedBoxes(boxes, why)


def test_rows_are_told_surest_first(found: ExplainedBoxes) -> None:
    truck, gap = told(*of_keyframe("s", "f1"))
    assert truck[0] == "5\n1" and gap[0] == "4\n1"
    assert gap[1] == "car\ncar 1.00, bus 0.25"
    assert truck[2] == "8.0, 3.0\n1"  # seen from the ego vehicle
    assert truck[3] == "medoid\n-"
    assert truck[4] == "lane\nlane"
    assert truck[5] == "class\n4.5 x 1.8 x 1.5"
    assert truck[6] == "0.62\nmask 0.90 fit 0.50\n= 0.45"
    assert gap[6] == "0.50\n\ntrack 0.60 gap 0.80 = 0.48"


def test_one_class(found: ExplainedBoxes) -> None:
    of_frame, _ = of_keyframe("s", "f1")
    assert of_class(of_frame, "car").boxes.score.tolist() == [0.5]
    with pytest.raises(InputError, match="no 'bus' in the keyframe; it has car, truck"):
        of_class(of_frame, "bus")


def test_what_is_unknown_is_named(found: ExplainedBoxes) -> None:
    with pytest.raises(InputError, match="t: no such scene"):
        of_keyframe("t", "f1")
    with pytest.raises(InputError, match="f7: no such keyframe in s; it has f0, f1"):
        of_keyframe("s", "f7")
    found.why[:1].write(layout.LIFT_EXPLAINED / "s.parquet")
    with pytest.raises(InputError, match="of other boxes; rerun `lift`"):
        of_keyframe("s", "f0")
    (layout.LIFT_EXPLAINED / "s.parquet").unlink()
    with pytest.raises(InputError, match="missing"):
        of_keyframe("s", "f0")


def test_it_prints_a_table(
    found: ExplainedBoxes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    monkeypatch.setattr(sys, "argv", ["explain", "s", "f1", "--class", "truck"])
    main()
    text = capsys.readouterr().out
    assert "8.0, 3.0" in text and "mask 0.90 fit 0.50" in text and "10.0, 3.0" not in text
