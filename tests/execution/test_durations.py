import copy
import json
from pathlib import Path
from typing import Any

import pytest

from cm3d.execution.durations import durations, record, work_of
from cm3d.execution.pipeline import read_stages, read_values


@pytest.fixture
def values(project: Path) -> dict[str, Any]:
    return read_values(project / "params.yaml")


def work(project: Path, stage: str, values: dict[str, Any], **changes: Any) -> str:
    changed = copy.deepcopy(values)
    for path, value in changes.items():
        *parents, leaf = path.split("__")
        section = changed
        for parent in parents:
            section = section[parent]
        assert leaf in section
        section[leaf] = value
    return work_of(stage, read_stages(project / "dvc.yaml", changed), changed)


def test_work_is_that_of_size_and_not_of_thresholds(project: Path, values: dict[str, Any]) -> None:
    as_it_is = work(project, "finetune", values)
    for change in ({"seed": 7}, {"labels__draw": 2}, {"finetune__max_lr": 0.5}):
        assert work(project, "finetune", values, **change) == as_it_is
    others = [
        work(project, "finetune", values, finetune__epochs=1),
        work(project, "finetune", values, labels__fraction=0.5),
        work(project, "finetune", values, detector__cell_m=0.8),
        work(project, "finetune", values, simulation__train_scenes=3),
        work(project, "finetune", values, training__schedule=2),
        work(project, "pretrain", values),
    ]
    assert len({as_it_is, *others}) == 1 + len(others)
    lifted = work(project, "lift", values)
    assert lifted == work(project, "lift", values, finetune__epochs=1)
    assert lifted != work(project, "lift", values, lift__recipe="paper")


def test_a_stage_that_dvc_runs_is_noted_and_the_median_of_the_latest_counts(
    project: Path, tmp_path: Path, values: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    record(1.0, project)  # not run by DVC
    monkeypatch.setenv("DVC_STAGE", "lift")
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    record(1.0, project)  # a workspace that DVC has not set up
    assert durations(tmp_path) == {}
    (tmp_path / ".dvc" / "tmp").mkdir(parents=True)
    for seconds in (900.0, 10.0, 30.0, 20.0, 50.0, 40.0):
        record(seconds, project)
    file = tmp_path / ".dvc" / "tmp" / "cm3d_durations.jsonl"
    assert json.loads(file.read_text().splitlines()[0])["stage"] == "lift"
    with file.open("a") as lines:
        lines.write('{"stage": "lift", "wo')
    assert durations(tmp_path) == {work(project, "lift", values): 30.0}
