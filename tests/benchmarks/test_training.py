from pathlib import Path

import pytest

from benchmarks.bench_training import checked_out, rates_table


def test_a_commit_that_is_not_there_is_said(tmp_path: Path) -> None:
    assert not checked_out("0" * 40, tmp_path)
    assert not list(tmp_path.iterdir())


def test_code_of_a_commit_is_whole(tmp_path: Path) -> None:
    assert checked_out("HEAD", tmp_path)
    assert (tmp_path / "src" / "cm3d" / "training" / "loop.py").is_file()
    assert (tmp_path / "params.yaml").is_file()


def test_times_are_of_the_first_code() -> None:
    table = rates_table({"abc": [2.0, 4.0], "now": [6.0, 9.0]}, steps=10)
    cells = [list(column.cells) for column in table.columns]
    assert cells[1] == ["3.00", "7.50"]
    assert [float(cell) for cell in cells[3]] == [1.0, pytest.approx(2.5)]
