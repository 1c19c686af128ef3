import json
from pathlib import Path
from typing import Any

import pytest

from cm3d.errors import InputError
from experiments import run


@pytest.fixture
def calls(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """Calls of DVC, which does nothing; every experiment's metrics have its seed's mAP."""
    made: list[tuple[str, ...]] = []

    def dvc(*arguments: str, may_fail: bool = False) -> None:
        made.append(arguments)

    def git(*arguments: str) -> str:
        if arguments[0] != "show":
            return "c0ffee"
        seed = next(a for a in made[-1] if a.startswith("seed=")).removeprefix("seed=")
        scores = {"mAP": int(seed) / 10, "NDS": 0.5}
        is_nested = arguments[1].endswith("evaluate.json")
        return json.dumps({"finetune": scores} if is_nested else scores)

    monkeypatch.setattr(run, "_dvc", dvc)
    monkeypatch.setattr(run, "_git", git)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text((project / "params.yaml").read_text())
    return made


def test_a_table_is_run_row_by_row_and_seed_by_seed(calls: Any, tmp_path: Path) -> None:
    text = run.run_table("table2", [1, 2], preset="smoke")
    runs = [call for call in calls if call[:2] == ("exp", "run")]
    assert [call[-1] for call in runs] == ["lift"] * 12 + ["fuse"] * 2
    assert all("--temp" in call and "simulation.val_scenes=1" in call for call in runs)
    assert "lift.nms=false" in runs[0]
    assert "lift.nms=true" in runs[-1]
    assert len({call[call.index("--name") + 1] for call in runs}) == 14
    results = tmp_path / "experiments" / "results"
    assert (results / "table2.md").read_text() == text
    kept = json.loads((results / "table2.json").read_text())
    assert kept["rows"][0]["measured"][1] == {"seed": 2, "mAP": 20.0, "NDS": 50.0}
    assert "| Baseline | 15.0 ± 7.1 | 50.0 ± 0.0 | 18.6 | 17.8 |" in text


def test_rows_that_cannot_run_are_not_run(calls: Any) -> None:
    text = run.run_table("table5", [3], preset=None)
    assert len([call for call in calls if call[:2] == ("exp", "run")]) == 1
    assert "| without copy-paste | 30.0 | 50.0 | 45.3 | 45.6 |" in text
    assert "| copy-paste in both | not run | not run | 44.7 | 44.5 |" in text


def test_nothing_runs_if_a_row_is_invalid(calls: Any, tmp_path: Path) -> None:
    params = tmp_path / "params.yaml"
    params.write_text(params.read_text().replace("nms_iou: 0.75", "nms_iou: -1"))
    with pytest.raises(InputError, match=r"row 'Baseline': detect2d\.nms_iou"):
        run.run_table("table2", [0], preset=None)
    assert calls == []


def test_a_failed_run_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(run, "_DVC", ("false",))
    with pytest.raises(InputError, match="`dvc exp run lift` failed"):
        run._dvc("exp", "run", "lift")
    run._dvc("exp", "remove", "x", may_fail=True)
    with pytest.raises(InputError, match="`git show nothing` failed: fatal"):
        run._git("show", "nothing")
