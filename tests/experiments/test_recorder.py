"""MLflow keeps up with a table: alive while it trains, and ends as what it stands for."""

import hashlib
import os
import queue
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from torch import nn

from cm3d.execution.pipeline import cached_object
from cm3d.mlflow_runs.store import Store, open_store
from cm3d.training.resume import ResumeFile
from experiments.recorder import Recorder, serve
from experiments.trainings import rows_of, trainings_of

PROJECT = Path(__file__).parents[2]
IDENTITY = {"GIT_AUTHOR_NAME": "n", "GIT_AUTHOR_EMAIL": "e", "GIT_COMMITTER_NAME": "n",
            "GIT_COMMITTER_EMAIL": "e"}  # fmt: skip
BASE = {"seed": 0, "dataset": {"name": "sim", "version": "v1"}, "lift": {"nms": True}}
CHANGED = {**BASE, "lift": {"nms": False}, "seed": 2}
CURVE = "epoch,step,lr,loss\n" + "".join(f"0,{step},0.1,{9 - step}\n" for step in range(5))
CURVE_MD5 = hashlib.md5(CURVE.encode(), usedforsecurity=False).hexdigest()
LOCKED = {
    "evaluate": {"cmd": "true", "outs": [{"path": "metrics/evaluate/lifted.json"}]},
    "pretrain": {"cmd": "true", "outs": [{"path": "metrics/plots/pretrain.csv", "md5": CURVE_MD5}]},
}
STAGE = {
    "evaluate": {"cmd": "true", "metrics": [{"metrics/evaluate/lifted.json": {}}]},
    "pretrain": {"cmd": "true", "outs": ["metrics/plots/pretrain.csv"]},
}
SCORES = '{"mAP": 0.5, "engine": "fast"}'
RUNNER = """
import os, signal, sys
from experiments import recording, trials
from experiments.paper_tables import Row
row = Row(name="row", target="evaluate@lifted")
trial = trials.Trial(row, 2, 0, {"seed": 2}, (row.target,), "killed-1")
recording.pipeline_state = lambda: "c0ffee"
record = recording.Recording("table9", [])
with record.running(trial):
    print(record._recorder.pid, flush=True)
    sys.stdin.readline()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with one experiment, `evaluate-1`, whose curve DVC's cache has, and a store."""
    root = tmp_path_factory.mktemp("project")
    md5 = "e3ea8b4e4d4e5b7d1b1bf5d6d3b1b8a4"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        for name, value in IDENTITY.items():
            patch.setenv(name, value)
        git("init", "-q")
        (root / "params.yaml").write_text(yaml.safe_dump(BASE))
        git("add", "-A")
        git("commit", "-qm", "base")
        base = git("rev-parse", "HEAD")
        scores = root / "metrics/evaluate/lifted.json"
        scores.parent.mkdir(parents=True)
        scores.write_text(SCORES)
        md5 = subprocess.run(["md5sum", scores], capture_output=True, text=True, check=True).stdout
        lock = yaml.safe_load(yaml.safe_dump(LOCKED))
        lock["evaluate"]["outs"][0]["md5"] = md5.split()[0]
        (root / "dvc.lock").write_text(yaml.safe_dump({"stages": lock}))
        (root / "dvc.yaml").write_text(yaml.safe_dump({"stages": STAGE}))
        (root / "params.yaml").write_text(yaml.safe_dump(CHANGED))
        git("add", "-A")
        git("commit", "-qm", "experiment")
        git("update-ref", f"refs/exps/{base[:2]}/{base[2:]}/evaluate-1", "HEAD")
        git("reset", "-q", "--hard", base)
    kept = cached_object(root, CURVE_MD5)
    kept.parent.mkdir(parents=True)
    kept.write_text(CURVE)
    return root


@pytest.fixture(autouse=True)
def _there(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    monkeypatch.setenv("DVC_ROOT", str(project))
    for name in ("MLFLOW_TRACKING_URI", "DVC_EXP_NAME", "DVC_EXP_BASELINE_REV"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def training(project: Path) -> Iterator[Path]:
    """The folder of a training at its third step, held by a process below this one."""
    folder = project / ".cache/resume/pretrain-0123456789ab"
    folder.mkdir(parents=True, exist_ok=True)
    lock = folder.with_name(f"{folder.name}.lock")
    lock.touch()
    save(folder, [9.0, 8.0, 7.0])
    with lock.open() as held:
        process = subprocess.Popen(["sleep", "300"], stdin=held)
    yield folder
    process.kill()
    process.wait()


def save(folder: Path, losses: list[float]) -> None:
    history = [{"epoch": 0.0, "step": float(i), "loss": x} for i, x in enumerate(losses)]
    file = ResumeFile(folder / "training" / "state", "f", interval_s=-1.0)
    file.save_if_due(history, {"model": nn.Linear(2, 2)})


def trial(finished: bool = False, experiment: str = "evaluate-1", row: str = "no nms") -> Any:
    return {
        "experiment": experiment,
        "title": f"{row}, seed 2",
        "row": row,
        "params": CHANGED,
        "base": BASE,
        "tags": {"table": "table2", "seed": "2"},
        "finished": finished,
    }


def runs() -> dict[str, Any]:
    with open_store(Store.from_environment()) as client:
        key = client.get_experiment_by_name("cm3d").experiment_id
        found = client.search_runs([key])
        return {run.info.run_name: run for run in found}


def test_trainings_of_this_process_are_found_and_others_are_not(
    training: Path, project: Path
) -> None:
    assert trainings_of(os.getpid(), project) == {"pretrain": training}
    assert trainings_of(os.getpid(), project.parent) == {}
    assert [row["loss"] for row in rows_of(training)] == [9.0, 8.0, 7.0]
    (training / "training" / "history.json").write_text('[{"step": 0, "loss": 1}]')
    (training / "fusion").mkdir()
    (training / "fusion" / "history.json").write_text('[{"step": 0, "loss": 2}]')
    assert rows_of(training) == [{"step": 0, "loss": 1}, {"step": 1, "loss": 2}]
    for part in ("training", "fusion"):
        (training / part / "history.json").unlink()


def test_a_run_is_alive_with_its_curves_and_then_has_its_figures(
    training: Path, project: Path
) -> None:
    recorder = Recorder(os.getpid(), project)
    recorder.table("table2", {"table.state": "a"}, {"table": "table2"})
    recorder.trial(**trial())
    recorder.look()
    save(training, [9.0, 8.0, 7.0, 6.0])
    recorder.look()
    child = runs()["no nms, seed 2"]
    assert child.info.status == "RUNNING"
    assert child.data.metrics == {"loss/pretrain": 6.0}
    assert child.data.params["changed.lift.nms"] == "false"
    with open_store(Store.from_environment()) as client:
        history = client.get_metric_history(child.info.run_id, "loss/pretrain")
    assert [(point.step, point.value) for point in history] == [
        (0, 9.0),
        (1, 8.0),
        (2, 7.0),
        (3, 6.0),
    ]
    recorder.end("FINISHED")
    recorder.trial(**trial(finished=True, row="another row"))
    recorder.close("FINISHED", "| a |", [str(project / "params.yaml")])
    parent, child = runs()["table2"], runs()["no nms, seed 2"]
    assert [run.info.status for run in (parent, child)] == ["FINISHED"] * 2
    assert child.data.metrics["mAP/lifted"] == 0.5
    assert child.data.metrics["loss/pretrain"] == 5.0  # the last step, which no look has seen
    tags = child.data.tags
    assert tags["mlflow.parentRunId"] == parent.info.run_id
    assert (tags["row"], tags["seed"], tags["table"]) == ("no nms; another row", "2", "table2")
    assert (tags["git.commit"], tags["dvc.exp"]) == (git("rev-parse", "HEAD"), "evaluate-1")
    assert tags["dvc.exp_rev"] == git("for-each-ref", "--format=%(objectname)", "refs/exps")
    assert len(runs()) == 2


def test_an_experiment_from_before_is_recorded_below_another_table() -> None:
    recorder = Recorder(os.getpid(), Path.cwd())
    recorder.table("shelf", {"table.state": "b"}, {})
    recorder.trial(**trial(finished=True, row="known"))
    recorder.close("FINISHED")
    child = runs()["known, seed 2"]
    assert (child.info.status, child.data.metrics["mAP/lifted"]) == ("FINISHED", 0.5)
    assert child.data.metrics["loss/pretrain"] == 5.0


def test_a_failure_is_told_as_one() -> None:
    recorder = Recorder(os.getpid(), Path.cwd())
    recorder.table("failing", {"table.state": "c"}, {})
    recorder.trial(**trial(experiment="none", row="fails"))
    recorder.end("FAILED")
    recorder.close("FAILED")
    assert [runs()[name].info.status for name in ("fails, seed 2", "failing")] == ["FAILED"] * 2


def test_a_store_that_refuses_is_told_of_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:s3cret@127.0.0.1:9")
    lines: queue.Queue[str] = queue.Queue()
    for line in ('{"what": "table", "name": "a", "identity": {"b": "c"}, "tags": {}}', "no JSON"):
        lines.put(line)
    serve(Recorder(os.getpid(), Path.cwd()), lines)
    said = capsys.readouterr().err
    assert said.startswith("note: MLflow at http://me:***@127.0.0.1:9: ")
    assert said.count("\n") == 1
    assert said.endswith("; the table goes on without it\n")


def test_a_runner_that_is_killed_at_once_leaves_killed_runs(project: Path) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, (PROJECT / "src", PROJECT))),
    }
    runner = subprocess.Popen(
        [sys.executable, "-c", RUNNER],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert runner.stdout is not None
    recorder = int(runner.stdout.readline())
    runner.communicate("\n")
    assert runner.returncode == -signal.SIGKILL
    while Path(f"/proc/{recorder}/stat").exists() and state_of(recorder) != "Z":
        os.sched_yield()
    found = runs()
    assert [found[name].info.status for name in ("row, seed 2", "table9")] == ["KILLED"] * 2


def state_of(process: int) -> str:
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
