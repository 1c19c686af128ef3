from pathlib import Path

import pytest

from cm3d.errors import InputError
from cm3d.tracking.curves import Point, read_curves


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
