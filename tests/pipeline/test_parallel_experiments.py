"""Experiments side by side: they share a cache and the folder of unfinished work."""

import json
import subprocess
import sys
import time

import yaml

from trust.clone import Clone

PATIENCE_S = 900


def commit_results(clone: Clone) -> None:
    """Experiments start from what is committed."""
    clone.run("git", "add", "-A", "dvc.lock", "metrics")
    clone.run("git", "commit", "-qm", "results")


def committed(clone: Clone, experiment: str, file: str) -> str:
    """A file as an experiment left it."""
    names = clone.run("git", "for-each-ref", "--format=%(refname)", "refs/exps").stdout.split()
    (commit,) = (name for name in names if name.endswith(f"/{experiment}"))
    return clone.run("git", "show", f"{commit}:{file}").stdout


def test_four_queued_experiments_succeed_with_four_workers(copy: Clone) -> None:
    commit_results(copy)
    overlaps = {"f2": 0.2, "f3": 0.3, "f4": 0.4, "f5": 0.5}
    for name, overlap in overlaps.items():
        change = f"fuse.min_iou={overlap}"
        copy.dvc("exp", "run", "--queue", "-n", name, "-S", change, "evaluate@pseudo_labels")
    copy.dvc("queue", "start", "-j", "4")
    deadline_s = time.monotonic() + PATIENCE_S
    while {"Queued", "Running"} & set((status := copy.dvc("queue", "status")).split()):
        assert time.monotonic() < deadline_s, status
        time.sleep(2)
    assert status.split().count("Success") == 4, status + "".join(
        copy.dvc("queue", "logs", name) for name in overlaps
    )
    scores = {}
    for name, overlap in overlaps.items():
        params = yaml.safe_load(committed(copy, name, "params.yaml"))
        assert params["fuse"]["min_iou"] == overlap
        scores[name] = committed(copy, name, "metrics/evaluate/pseudo_labels.json")
        assert json.loads(scores[name])["mAP"] >= 0
    # alone, without DVC and its cache of runs, one of them comes to the same
    copy.override({"fuse.min_iou": 0.5})
    copy.stage("fuse")
    arguments = ("nuscenes", "pseudo_labels", "data/pseudo_labels", "--frames", "scoring")
    copy.stage("evaluate", *arguments)
    alone = copy.root / "metrics/evaluate/pseudo_labels.json"
    assert scores["f5"] == alone.read_text()
    assert not list((copy.root / ".cache/resume").iterdir())


def test_two_experiments_in_temporary_copies_succeed_at_once(copy: Clone) -> None:
    commit_results(copy)
    processes = {}
    for points in (3, 30):
        change = ("-S", f"lift.min_points={points}", "evaluate@lifted")
        processes[points] = subprocess.Popen(
            [sys.executable, "-m", "dvc", "exp", "run", "--temp", "-n", f"points{points}", *change],
            cwd=copy.root,
            env={**copy.environment, "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        # DVC itself refuses a second experiment while it prepares the first
        said = _read_until(processes[points], "Running stage 'lift'")
        assert "Running stage 'lift'" in said, said
    assert processes[3].poll() is None, "both run at once"
    for points, process in processes.items():
        said, _ = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, said
        params = yaml.safe_load(committed(copy, f"points{points}", "params.yaml"))
        assert params["lift"]["min_points"] == points
    few, many = (
        json.loads(committed(copy, f"points{points}", "metrics/evaluate/lifted.json"))
        for points in (3, 30)
    )
    assert few["mAP"] != many["mAP"]
    assert not list((copy.root / ".cache/resume").iterdir())


def _read_until(process: "subprocess.Popen[str]", text: str) -> str:
    """What a process says up to and with the line that has the text, or all of it."""
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if text in line:
            break
    return said
