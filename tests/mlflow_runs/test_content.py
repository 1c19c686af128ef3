from pathlib import Path

import pytest
from mlflow.utils.validation import _validate_metric_name

from cm3d.errors import InputError
from cm3d.mlflow_runs.content import (
    Point,
    accepted_name,
    curves,
    headline_metrics,
    read_curves,
    short_params,
    shown_params,
)


def test_params_are_those_that_were_changed_and_a_few_of_all() -> None:
    base = {"seed": 0, "taxonomy": "nuscenes", "lift": {"nms": True, "radius_m": {"car": 2.0}}}
    params = {
        "seed": 3,
        "taxonomy": "nuscenes",
        "lift": {"nms": False, "radius_m": {"car": 2.0, "bus": 4}, "blocks": [1, 2], "note": "a b"},
    }
    assert short_params(params, base) == {
        "changed.lift.nms": "false",
        "changed.lift.radius_m.bus": "4",
        "changed.lift.blocks": "[1, 2]",
        "changed.lift.note": "a b",
        "seed": "3",
        "taxonomy": "nuscenes",
    }
    assert next(iter(short_params(params, base))).startswith("changed.")
    assert short_params(params, None) == {"seed": "3", "taxonomy": "nuscenes"}


def test_a_long_parameter_is_cut_and_the_artifact_has_all_of_it() -> None:
    (text,) = short_params({"prompt": "a" * 251}, {}).values()
    assert (len(text), text[-2:]) == (250, "a…")
    assert short_params({"prompt": "a" * 250}, {}) == {"changed.prompt": "a" * 250}


def test_metrics_are_finite_headlines_with_the_figure_first() -> None:
    scores = {
        "finetune": {"engine": "fast", "mAP": 0.25, "mAVE": None, "mAP_present": 0.3},
        "boxes2d": {"map50": 1, "classes": {"car": 0.5}, "recall50": float("nan")},
    }
    assert headline_metrics(scores) == {"mAP/finetune": 0.25, "map50/boxes2d": 1.0}


def test_names_are_made_acceptable_to_mlflow() -> None:
    assert accepted_name("loss/truck+bus (é)") == "loss/truck-bus ---"
    assert accepted_name("a.b_c-d: e/f 1") == "a.b_c-d: e/f 1"
    for name in [*headline_metrics({"c%": {"a+b": 1}}), *short_params({"a=b": 1}, {})]:
        _validate_metric_name(name)


def test_a_password_in_a_parameter_is_not_shown() -> None:
    params = {"a": {"root": "s3://me:se:cret@host/x"}, "b": ["http://u:p@h", 1], "c": "14:00 a@b"}
    assert shown_params(params) == {
        "a": {"root": "s3://me:***@host/x"},
        "b": ["http://u:***@h", 1],
        "c": "14:00 a@b",
    }


def test_curves_are_loss_rate_and_gradient_over_epochs(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    path.write_text("epoch,loss,lr,box/car\n0,2.5,0.1,1\n1,1.5,,1\n2,nan,0.3,1\n")
    assert read_curves("pretrain", path) == [
        Point("loss/pretrain", 0, 2.5),
        Point("lr/pretrain", 0, 0.1),
        Point("loss/pretrain", 1, 1.5),
        Point("lr/pretrain", 2, 0.3),
    ]


def test_a_step_column_wins_over_epochs(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    path.write_text("epoch,step,loss\n0,40,2.5\n")
    assert read_curves("a+b", path) == [Point("loss/a-b", 40, 2.5)]


def test_many_steps_become_means_of_neighbours_at_the_last_ones_step() -> None:
    rows = [{"step": float(step), "loss": float(step % 2)} for step in range(5)]
    # groups of two: (0, 1), (0, 1), and what is left
    assert curves("a", rows, points=3) == [
        Point("loss/a", 1, 0.5),
        Point("loss/a", 3, 0.5),
        Point("loss/a", 4, 0.0),
    ]
    assert curves("a", []) == []


@pytest.mark.parametrize("content", ["loss\n1\n", "epoch,loss\n0,many\n", "epoch,loss\nx,1\n",
                                     "epoch,loss\ninf,1\n", "epoch,loss\n1,1,1\n", ""])  # fmt: skip
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
