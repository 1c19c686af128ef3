import logging
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cm3d.errors import InputError
from cm3d.mlflow_runs import (
    Content,
    add_tags,
    curves,
    end_run,
    log_points,
    open_child,
    open_run,
    read_provenance,
    record_run,
)
from cm3d.mlflow_runs.store import Store, open_store

BASE = {"seed": 0, "dataset": {"name": "sim", "version": "v1"}, "lift": {"nms": True}}
PARAMS = {"seed": 0, "dataset": {"name": "sim", "version": "v1"}, "lift": {"nms": False}}
STAGES = {"fuse", "pretrain", "evaluate"}
SCORES = {"fuse": {"mAP": 0.25, "NDS": 0.5}}

ONE_RUN = """
import sys
from pathlib import Path
from cm3d.mlflow_runs import Content, read_provenance, record_run
root = Path(sys.argv[1])
content = Content(root, {"seed": 0}, scores={"fuse": {"mAP": 0.25}})
record_run(read_provenance(root, {"fuse"}), content)
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One database for the module: MLflow takes seconds to make its tables."""
    return tmp_path_factory.mktemp("root")


@pytest.fixture(autouse=True)
def _environment(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_ROOT", str(root))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("DVC_EXP_BASELINE_REV", raising=False)


@pytest.fixture
def record(
    tmp_path: Path, write_lock: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Any]:
    """Record an experiment with a history of two epochs and one plot."""
    history = tmp_path / "history.csv"
    history.write_text("epoch,loss\n0,2.5\n1,1.5\n")
    plots = tmp_path / "plots"
    plots.mkdir()
    (plots / "ap.json").write_text("[]")

    def run(name: str | None, labels_md5: str = "aa.dir", params: Any = None) -> Any:
        monkeypatch.delenv("DVC_EXP_NAME", raising=False)
        if name:
            monkeypatch.setenv("DVC_EXP_NAME", name)
        workspace = write_lock(tmp_path, labels_md5)
        content = Content(
            workspace=workspace,
            params=params or PARAMS,
            base=BASE,
            scores=SCORES,
            curves={"pretrain": history},
            artifacts=[Path("plots/ap.json"), Path("history.csv")],
        )
        return record_run(read_provenance(workspace, STAGES), content)

    return run


def _read(run: Any) -> Any:
    with open_store(Store.from_environment()) as client:
        history = client.get_metric_history(run.run_id, "loss/pretrain")
        files = [file.path for file in client.list_artifacts(run.run_id)]
        folder = [file.path for file in client.list_artifacts(run.run_id, "plots")]
        return client.get_run(run.run_id), history, files + folder


def test_a_new_database_makes_no_noise(
    record: Callable[..., Any],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """First of the module, so that it is this test that makes the database."""
    record("zero")
    captured = capfd.readouterr()
    assert captured.out + captured.err == ""
    assert [record for record in caplog.records if record.levelno < logging.WARNING] == []


def test_a_run_holds_params_metrics_curves_artifacts_and_tags(
    record: Callable[..., Any], root: Path
) -> None:
    recorded = record("one")
    run, history, files = _read(recorded)
    assert recorded.created
    assert run.info.run_name == "one"
    assert run.info.status == "FINISHED"
    assert run.data.params == {"changed.lift.nms": "false", "dataset.name": "sim", "seed": "0"}
    assert run.data.metrics == {"mAP/fuse": 0.25, "NDS/fuse": 0.5, "loss/pretrain": 1.5}
    assert [(point.step, point.value) for point in history] == [(0, 2.5), (1, 1.5)]
    assert set(files) == {"params.yaml", "plots", "plots/ap.json", "history.csv"}
    assert run.data.tags["dvc.exp"] == "one"
    assert run.data.tags["dataset"] == "sim v1"
    assert run.data.tags["dvc.out.data/pseudo_labels"] == "aa.dir"
    assert (root / "mlflow.db").exists()
    assert (root / "mlartifacts").is_dir()


def test_recording_again_updates_the_same_run(record: Callable[..., Any]) -> None:
    first, second = record("two"), record("two")
    assert (first.run_id, False) == (second.run_id, second.created)
    assert len(_read(second)[1]) == 2


def test_parameters_are_those_that_a_run_was_made_with(record: Callable[..., Any]) -> None:
    first = record("three")
    again = record("three", params={**PARAMS, "lift": {"nms": True}, "seed": 1})
    run, _, _ = _read(again)
    assert first.run_id == again.run_id
    assert run.data.params["changed.lift.nms"] == "false"
    assert run.data.params["seed"] == "0"


def test_track_finishes_the_child_that_was_opened_and_makes_no_twin(
    record: Callable[..., Any],
) -> None:
    parent, _ = open_run("table", {"table.state": "a"}, {}, {"table": "table2"})
    opened = {"changed.lift.nms": "false", "seed": "7"}
    child, finished = open_child(parent, "eight", "row, seed 7", opened, {"row": "row"})
    assert not finished
    rows = [{"step": float(step), "loss": 9.0} for step in range(1)]
    log_points(child, curves("pretrain", rows))
    with open_store(Store.from_environment()) as client:
        assert [client.get_run(key).info.status for key in (parent, child)] == ["RUNNING"] * 2
    recorded = record("eight")
    assert (recorded.run_id, recorded.name, recorded.created) == (child, "row, seed 7", False)
    run, history, _ = _read(recorded)
    # the step that was seen alive stays as it was, the next one is added
    assert [(point.step, point.value) for point in history] == [(0, 9.0), (1, 1.5)]
    assert run.data.params == opened
    assert run.data.tags["mlflow.parentRunId"] == parent
    assert run.info.status == "FINISHED"
    assert record("eight").run_id == child
    assert open_child(parent, "eight", "row, seed 7", {}, {}) == (child, True)
    end_run(parent, "FAILED", "| a |", [])
    with open_store(Store.from_environment()) as client:
        table = client.get_run(parent)
    assert (table.info.status, table.data.tags["mlflow.note.content"]) == ("FAILED", "| a |")


def test_what_was_killed_is_taken_up_and_tables_of_other_code_are_others() -> None:
    parent, _ = open_run("table", {"table.state": "b"}, {}, {})
    child, _ = open_child(parent, "nine", 'row\'s "a"', {"seed": "0"}, {})
    end_run(child, "KILLED")
    assert open_child(parent, "nine", "row", {"seed": "1"}, {}) == (child, False)
    add_tags(child, {"row": "it's"})
    with open_store(Store.from_environment()) as client:
        run = client.get_run(child)
    assert (run.info.status, run.data.params) == ("RUNNING", {"seed": "0"})
    assert run.data.tags["row"] == "it's"
    other, _ = open_run("table", {"table.state": "c"}, {}, {})
    assert other != parent
    assert open_child(other, "nine", "row", {}, {})[0] != child


def test_other_names_and_other_outputs_are_other_runs(record: Callable[..., Any]) -> None:
    runs = [record("four"), record("five"), record("four", labels_md5="zz.dir"), record(None)]
    assert len({run.run_id for run in runs}) == 4
    assert all(run.created for run in runs)
    assert runs[3].name.startswith("workspace-")


def test_a_missing_artifact_is_one_line(tmp_path: Path, write_lock: Callable[..., Path]) -> None:
    provenance = read_provenance(write_lock(tmp_path), STAGES)
    with pytest.raises(InputError, match=r"none\.json: missing"):
        record_run(provenance, Content(tmp_path, PARAMS, artifacts=[Path("none.json")]))


def test_a_copy_of_the_project_takes_its_runs_along(
    record: Callable[..., Any], root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = record("six")
    copy = tmp_path / "a copy"
    shutil.copytree(root, copy)
    files_before = {path for path in root.rglob("*") if path.is_file()}
    monkeypatch.setenv("DVC_ROOT", str(copy))
    new = record("seven")
    for recorded in (old, new):
        run, _, files = _read(recorded)
        folder = (copy / "mlartifacts" / recorded.run_id / "artifacts").as_uri()
        assert run.info.artifact_uri == folder
        assert "plots/ap.json" in files
    assert (copy / "mlartifacts" / new.run_id / "artifacts/history.csv").is_file()
    assert {path for path in root.rglob("*") if path.is_file()} == files_before


def test_four_processes_that_make_the_store_at_once_all_get_their_run(
    tmp_path: Path, write_lock: Callable[..., Path]
) -> None:
    write_lock(tmp_path)
    environment = {**os.environ, "DVC_ROOT": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", ONE_RUN, str(tmp_path)],
            env={**environment, "DVC_EXP_NAME": f"experiment-{number}"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for number in range(4)
    ]
    said = [process.communicate(timeout=600)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, "\n".join(said)
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as database:
        runs = database.execute("select name, status from runs order by name").fetchall()
    assert runs == [(f"experiment-{number}", "FINISHED") for number in range(4)]
