from pathlib import Path

import pytest
from mlflow.utils.validation import _validate_metric_name

from cm3d.errors import InputError
from cm3d.mlflow_runs.content import (
    Point,
    accepted_name,
    flat_metrics,
    flat_params,
    read_curves,
    shown_params,
)


def test_params_are_leaves_by_dotted_path_and_lists_are_left_out() -> None:
    params = {"seed": 0, "lift": {"nms": True, "nms_radius_m": {"car": 2.0}}, "blocks": [1, 2]}
    assert flat_params(params) == {"seed": "0", "lift.nms": "True", "lift.nms_radius_m.car": "2.0"}


def test_params_longer_than_mlflow_takes_are_left_out() -> None:
    assert flat_params({"short": "a" * 6000, "long": "a" * 6001}).keys() == {"short"}


def test_metrics_are_finite_numbers_by_path() -> None:
    metrics = {"fuse": {"mAP": 0.25, "AVE": None, "nan": float("nan"), "protocol": "x"}, "n": 3}
    assert flat_metrics(metrics) == {"fuse/mAP": 0.25, "n": 3.0}


def test_names_are_made_acceptable_to_mlflow() -> None:
    assert accepted_name("loss/truck+bus (é)") == "loss/truck-bus ---"
    assert accepted_name("a.b_c-d: e/f 1") == "a.b_c-d: e/f 1"
    for name in [*flat_metrics({"a+b": {"c%": 1}}), *flat_params({"a=b": 1})]:
        _validate_metric_name(name)


def test_a_password_in_a_parameter_is_not_shown() -> None:
    params = {"a": {"root": "s3://me:se:cret@host/x"}, "b": ["http://u:p@h", 1], "c": "14:00 a@b"}
    assert shown_params(params) == {
        "a": {"root": "s3://me:***@host/x"},
        "b": ["http://u:***@h", 1],
        "c": "14:00 a@b",
    }


def test_each_column_is_a_curve_over_epochs(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    path.write_text("epoch,loss,lr\n0,2.5,0.1\n1,1.5,\n2,nan,0.3\n")
    assert read_curves("pretrain", path) == [
        Point("pretrain/loss", 0, 2.5),
        Point("pretrain/lr", 0, 0.1),
        Point("pretrain/loss", 1, 1.5),
        Point("pretrain/lr", 2, 0.3),
    ]


def test_a_step_column_wins_over_epochs(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    path.write_text("epoch,step,loss/car+bus\n0,40,2.5\n")
    assert read_curves("a", path) == [Point("a/loss/car-bus", 40, 2.5)]


@pytest.mark.parametrize("content", ["loss\n1\n", "epoch,loss\n0,many\n", "epoch,loss\nx,1\n", ""])
def test_anything_else_is_one_line(tmp_path: Path, content: str) -> None:
    path = tmp_path / "history.csv"
    path.write_text(content)
    if not content:
        assert read_curves("a", path) == []
        return
    with pytest.raises(InputError, match=r"history\.csv: not a history"):
        read_curves("a", path)


def test_a_missing_history_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.csv: missing"):
        read_curves("a", tmp_path / "none.csv")
