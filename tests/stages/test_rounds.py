"""Rounds of self-training follow each other."""

import pytest

from cm3d.errors import InputError
from cm3d.execution.pipeline import read_stages
from stages.shared.rounds import model_before, round_asked_for
from tests.tiny_detector import PROJECT


@pytest.mark.parametrize("number", [1, 2, 3])
def test_the_model_before_is_the_one_that_dvc_hands_on(number: int) -> None:
    stages = read_stages(PROJECT / "dvc.yaml")
    for name in (f"relabel_r{number}", f"selftrain_r{number}"):
        models = [dep for dep in stages[name]["deps"] if dep.startswith("data/models/")]
        assert models == [f"data/models/{model_before(number)}"]


def test_the_round_stands_on_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["relabel", "--round", "3"])
    assert round_asked_for("relabel", "") == 3
    monkeypatch.setattr("sys.argv", ["relabel", "--round", "4"])
    with pytest.raises(InputError, match="--round: invalid choice: 4"):
        round_asked_for("relabel", "")
