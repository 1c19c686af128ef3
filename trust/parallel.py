"""Experiments side by side: each ends, each with its own run, and nobody's work is another's.

Also the same from a Git worktree, a shallow clone and a detached head.
"""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from trust.checkouts import try_checkouts
from trust.clone import Clone
from trust.experiments import (
    commit_results,
    commits,
    committed_params,
    committed_scores,
    queue,
    run_queue,
)
from trust.kinds import kind_of
from trust.mlflow_runs import Run, runs_of
from trust.outcome import Cell, Outcome
from trust.trees import leftovers
from trust.workplace import Workplace

_EXPERIMENTS: Final = 50
_WORKERS: Final = 4
_AT_ONCE: Final = 4
_ALONE: Final = 3
_KNOB: Final = "fuse.min_iou"
_LABELS: Final = "evaluate@pseudo_labels"
_SCORES: Final = "metrics/evaluate/pseudo_labels.json"
_TRACKED: Final = "mAP/pseudo_labels"


@dataclass
class Trial:
    """One kind of doing things side by side."""

    title: str
    tried: int
    kept: int
    faults: list[str] = field(default_factory=list)

    def row(self) -> dict[str, Cell]:
        """As a row of the table."""
        return {"what": self.title, "tried": self.tried, "kept": self.kept}


def measure(place: Workplace) -> Outcome:
    """Queue, run at once, look for what was mixed up."""
    trials = [queued(place), temporary(place), tracked(place)]
    for title, fault in try_checkouts(place).items():
        trials.append(Trial(title, 1, int(not fault), [fault] if fault else []))
    return Outcome(
        tried=sum(trial.tried for trial in trials),
        kept=sum(trial.kept for trial in trials),
        rows=[trial.row() for trial in trials],
        faults=[f"{trial.title}: {fault}" for trial in trials for fault in trial.faults],
        notes=[
            f"A queued experiment has its own {_KNOB} and runs fuse, {_LABELS} and track. Kept: it "
            "ended well, its commit has its own value, MLflow has one run of its name with that "
            f"value and the commit's mAP; {_ALONE} of them were computed again alone, with the "
            "same scores. The checkouts have the base's cache by `cache.dir` and run an experiment."
        ],
    )


def queued(place: Workplace) -> Trial:
    """Many experiments in the queue, run by several workers."""
    number, workers = (4, 2) if place.short else (_EXPERIMENTS, _WORKERS)
    clone = place.copy("queue")
    commit_results(clone)
    values = {f"q{i:02}": round(0.10 + 0.015 * i, 3) for i in range(number)}
    for name, value in values.items():
        queue(clone, name, {_KNOB: value}, ("fuse", _LABELS, "track"))
    run_queue(clone, workers, number)
    trial = Trial(f"{number} queued, {workers} workers", number, 0)
    found, runs = commits(clone), runs_of(clone.root / "mlflow.db")
    for name, value in values.items():
        fault = fault_of(clone, found.get(name), runs.get(name, []), value)
        trial.kept += not fault
        trial.faults += [f"{name}: {fault}"] if fault else []
    trial.faults += [f"left {name}" for name in leftovers(clone.root)]
    chosen = [name for name in list(values)[:: max(number // _ALONE, 1)] if name in found]
    for name in chosen[:_ALONE]:
        clone.override({_KNOB: values[name]})
        for stage in ("fuse", _LABELS):
            clone.run(*kind_of(stage).command, PYTHONPATH="src")
        theirs = committed_scores(clone, found[name], _SCORES)
        if (clone.root / _SCORES).read_bytes() != _json_of(clone, found[name]):
            trial.faults.append(f"{name}: computed alone, other scores than {theirs['mAP']}")
    return trial


def fault_of(clone: Clone, commit: str | None, runs: list[Run], value: float) -> str:
    """What is wrong with an experiment; empty where nothing is."""
    if commit is None:
        return "no commit of it"
    params: dict[str, Any] = committed_params(clone, commit)
    section, knob = _KNOB.split(".")
    if params[section][knob] != value:
        return f"its commit has {_KNOB} {params[section][knob]}, not {value}"
    if len(runs) != 1:
        return f"{len(runs)} runs of it"
    before = committed_params(clone, "HEAD")[section][knob]
    recorded = runs[0].params.get(f"changed.{_KNOB}", str(before))
    if recorded != str(value):
        return f"its run has {_KNOB} {recorded}, not {value}"
    score = committed_scores(clone, commit, _SCORES)["mAP"]
    if runs[0].metrics.get(_TRACKED) != score:
        return f"its run has mAP {runs[0].metrics.get(_TRACKED)}, not {score}"
    return ""


def temporary(place: Workplace) -> Trial:
    """Experiments in temporary copies, the next one begun as soon as DVC lets it."""
    clone, points = place.copy("temporary"), range(2, 2 + _AT_ONCE)
    commit_results(clone)
    trial, started = Trial(f"{_AT_ONCE} times `dvc exp run --temp` at once", _AT_ONCE, 0), {}
    for number in points:
        words = ("exp", "run", "--temp", "-n", f"points{number}", "-S", f"lift.min_points={number}")
        started[number] = _start(clone, "-m", "dvc", *words, "--single-item", "lift")
        _read_until(started[number], "Running stage 'lift'")
    for number, process in started.items():
        said, _ = process.communicate()
        commit = commits(clone).get(f"points{number}")
        own = commit is not None and committed_params(clone, commit)["lift"]["min_points"] == number
        trial.kept += own and process.returncode == 0
        if not own or process.returncode:
            trial.faults.append(f"points{number}: {process.returncode}, {said.strip()[-150:]}")
    trial.faults += [f"left {name}" for name in leftovers(clone.root)]
    return trial


def tracked(place: Workplace) -> Trial:
    """`track` several times at once on a store that is not there yet."""
    clone = place.copy("tracked")
    for path in clone.root.glob("mlflow.db*"):
        path.unlink()
    names = [f"t{number}" for number in range(_AT_ONCE)]
    started = [_start(clone, "-m", "stages.track", "--name", name) for name in names]
    said = [process.communicate()[0] for process in started]
    trial = Trial(f"{_AT_ONCE} times `track` at once, no store before", _AT_ONCE, 0)
    runs = runs_of(clone.root / "mlflow.db")
    for name, process, words in zip(names, started, said, strict=True):
        good = process.returncode == 0 and len(runs.get(name, [])) == 1
        trial.kept += good
        trial.faults += [] if good else [f"{name}: {words.strip()[-150:]}"]
    return trial


def _json_of(clone: Clone, commit: str) -> bytes:
    return clone.run("git", "show", f"{commit}:{_SCORES}").stdout.encode()


def _start(clone: Clone, *words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        (sys.executable, *words),
        cwd=clone.root,
        env={**clone.environment, "PYTHONUNBUFFERED": "1", "PYTHONPATH": "src"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _read_until(process: "subprocess.Popen[str]", text: str) -> None:
    """Read what a process says up to the line that has the text."""
    read: Callable[[], str] = process.stdout.readline if process.stdout else str
    while line := read():
        if text in line:
            return
