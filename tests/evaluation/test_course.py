"""The course of a training in 25 parts."""

from pathlib import Path

import pytest

from cm3d.errors import InputError
from cm3d.evaluation.course import PARTS, course_rows, read_history, term_rows

ROW = {"epoch": 0, "step": 0, "lr": 0.1, "loss": 8.0, "gradient": 4.0, "heat/car": 6.0, "box": 2.0}


def test_each_part_is_the_mean_over_its_steps() -> None:
    history = [ROW | {"epoch": step // 25, "loss": float(step)} for step in range(50)]
    rows = course_rows(history)
    assert len(rows) == PARTS
    assert rows[0] == {"done": 4, "epoch": 0, "loss": 0.5, "gradient": 4}
    assert rows[12] == {"done": 52, "epoch": 0.5, "loss": 24.5, "gradient": 4}
    assert rows[-1] == {"done": 100, "epoch": 1, "loss": 48.5, "gradient": 4}


def test_terms_are_what_adds_up_to_the_loss() -> None:
    assert term_rows([ROW, ROW])[:2] == [
        {"done": 50, "term": "heat/car", "loss": 6},
        {"done": 50, "term": "box", "loss": 2},
    ]


def test_a_step_without_a_finite_value_does_not_count() -> None:
    history = [ROW | {"gradient": value} for value in [1.0] * 25 + [float("inf"), 3.0] * 12]
    assert {row["gradient"] for row in course_rows(history)} <= {1, 2, 3}
    assert course_rows([ROW | {"gradient": float("nan")}])[0]["gradient"] is None


def test_no_training_has_no_course(tmp_path: Path) -> None:
    (tmp_path / "pretrain.csv").write_text("\n")
    history = read_history(tmp_path / "pretrain.csv")
    assert course_rows(history) == term_rows(history) == []


def test_what_is_no_history_is_named(tmp_path: Path) -> None:
    path = tmp_path / "finetune.csv"
    with pytest.raises(InputError, match=r"finetune\.csv: missing; run `dvc repro finetune`"):
        read_history(path)
    for broken in ("epoch,loss\n0,high\n", "epoch,loss\n0\n", "epoch,loss\n0,1,2\n", "epoch\n0\n"):
        path.write_text(broken)
        with pytest.raises(InputError, match=r"finetune\.csv: not a history of numbers"):
            read_history(path)
