"""The runs that a table needs, each a row with a seed and a draw, as DVC experiments.

A trial is named by what it runs, content of files that parameters name included. So it is found
again, whichever table asks for it.
"""

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cm3d.errors import InputError
from cm3d.execution.digest import named_content
from cm3d.params import read_yaml
from experiments.overrides import PARAMS_FILE, as_arguments, with_overrides
from experiments.paper_tables import Row

Scores = dict[str, float | None]

_DVC: Final = (sys.executable, "-m", "dvc")

# What the outcome of an experiment depends on, beside its overrides.
_PIPELINE: Final = ("dvc.yaml", "params.yaml", "src", "stages", "taxonomies")


@dataclass(frozen=True)
class Trial:
    """One row with one seed and one draw.

    Args:
        row: The row.
        seed: Of the data, the detections and the networks.
        draw: Of the labelled part, within the same data and detections.
        changes: All parameters that are changed, seed and draw among them.
        targets: Stages to run: the row's, and those of other rows with the same changes.
        name: Of the DVC experiment.
    """

    row: Row
    seed: int
    draw: int
    changes: dict[str, Any]
    targets: tuple[str, ...]
    name: str

    @property
    def title(self) -> str:
        """Row, seed and draw."""
        drawn = f", draw {self.draw}" if self.draw else ""
        return f"{self.row.name}, seed {self.seed}{drawn}"

    def find(self) -> Scores | None:
        """Its figures in [0, 1] in a finished experiment; None where there is none.

        Those of a class have its name before them. Of a row with a protocol they are that one's,
        its errors by the names of their means.
        """
        for commit in _commits(self.name):
            try:
                return self._figures(commit)
            except InputError:
                continue
        return None

    def _figures(self, commit: str) -> Scores:
        def read(path: Path) -> Any:
            return json.loads(_git("show", f"{commit}:{path}"))

        if self.row.protocol:
            found = read(self.row.agnostic_metrics)
            if self.row.protocol not in found:
                raise InputError(f"{self.row.agnostic_metrics}: no protocol {self.row.protocol}")
            return {_agnostic_name(f): v for f, v in found[self.row.protocol].items()}
        means, classes = read(self.row.metrics), read(self.row.class_metrics)
        of_class = {f"{name}_{f}": v for name, own in classes.items() for f, v in own.items()}
        return {**means, **of_class}

    def run(self) -> None:
        """Run it in a temporary copy of the project.

        Raises:
            InputError: The run failed.
        """
        if _commits(self.name):
            _dvc("exp", "remove", "--quiet", self.name)
        changes = as_arguments(self.changes)
        _dvc("exp", "run", "--temp", "--name", self.name, *changes, *self.targets)
        if self.find() is None:
            raise InputError(f"experiment {self.name}: left no {self.row.metrics}; see its target")


def plan_trials(
    rows: Sequence[tuple[Row, dict[str, Any]]], runs: Sequence[tuple[int, int]], draw: int = 0
) -> list[Trial]:
    """The trials of rows with their overrides: all rows of a run, which share data, then the next.

    Rows with equal overrides share one experiment, which runs the targets of all.

    Args:
        rows: Each with its overrides of params.yaml.
        runs: Seed and draw of each.
        draw: That of params.yaml, which needs no override.

    Raises:
        InputError: The folder is no Git repository of this project, or a file that a parameter
            names cannot be read.
    """
    state = pipeline_state()
    runnable = [(row, row.target, overrides) for row, overrides in rows if row.target]
    states = [state + files_state(overrides) for _, _, overrides in runnable]
    trials = []
    for seed, drawn in runs:
        own: dict[str, Any] = {"seed": seed} | ({"labels.draw": drawn} if drawn != draw else {})
        for (row, _, overrides), own_state in zip(runnable, states, strict=True):
            shared = {target for _, target, others in runnable if others == overrides}
            targets, changes = tuple(sorted(shared)), {**overrides, **own}
            name = trial_name(targets, changes, own_state)
            trials.append(Trial(row, seed, drawn, changes, targets, name))
    return trials


def trial_name(targets: Collection[str], changes: Mapping[str, Any], state: str) -> str:
    """A name that is the same for the same run, so that rows and tables share one."""
    identity = json.dumps([sorted(targets), changes, state], sort_keys=True)
    digest = hashlib.sha256(identity.encode()).hexdigest()[:10]
    whose = next(iter(targets)) if len(targets) == 1 else "evaluate"
    return f"{whose.replace('@', '-')}-{digest}"


def pipeline_state() -> str:
    """Code and parameters as they stand, committed or not; results and docs do not count.

    Raises:
        InputError: The folder is no Git repository of this project.
    """
    committed = _git("rev-parse", *(f"HEAD:{path}" for path in _PIPELINE))
    return committed + _git("diff", "--binary", "HEAD", "--", *_PIPELINE)


def files_state(overrides: Mapping[str, Any]) -> str:
    """Content of the files that parameters name, with some overrides; empty where there are none.

    Raises:
        InputError: One cannot be read.
    """
    named = named_content(with_overrides(read_yaml(PARAMS_FILE), overrides))
    return json.dumps(named, sort_keys=True) if named else ""


def run_trials(
    title: str, trials: Sequence[Trial], around: Callable[[Trial], AbstractContextManager[None]]
) -> set[str]:
    """Run what has not been run, in order, and say how far it is; a failed run stops no other.

    The one place where trials of a table are run, one after the other, each within its `around`.

    Returns:
        Names of those that failed; the others are found by the next call.
    """
    todo = {trial.name for trial in trials if trial.find() is None}
    failed, spent_s = set[str](), list[float]()
    for number, trial in enumerate(trials, start=1):
        if trial.find() is None and trial.name not in failed:
            left = time_left(spent_s, len(todo))
            say(f"{title}: {number} of {len(trials)}: {trial.title}{left}")
            begin_s = time.monotonic()
            try:
                with around(trial):
                    trial.run()
            except InputError as error:
                say(str(error))
                failed.add(trial.name)
            spent_s.append(time.monotonic() - begin_s)
            todo.discard(trial.name)
    return failed


def time_left(spent_s: Sequence[float], runs: int) -> str:
    """How long some more runs take, by the mean of those before; nothing before the first."""
    if not spent_s:
        return ""
    return f", about {sum(spent_s) / len(spent_s) * runs / 60:.0f} min left"


def _agnostic_name(figure: str) -> str:
    """What a table calls a class-agnostic figure: AP, NDS, mATE, ..."""
    if figure.startswith("NDS"):
        return "NDS"
    return figure if figure == "AP" else f"m{figure}"


def say(line: str) -> None:
    """Print a line on stderr."""
    print(line, file=sys.stderr)


def _commits(name: str) -> list[str]:
    return _git("for-each-ref", "--format=%(objectname)", f"refs/exps/*/*/{name}").split()


def _dvc(*arguments: str) -> None:
    """Run DVC with this interpreter's folder first in the search path, for the stages."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    result = subprocess.run([*_DVC, *arguments], env={**os.environ, "PATH": path}, check=False)
    if result.returncode != 0:
        raise InputError(f"`dvc {' '.join(arguments)}` failed; its messages are above")


def _git(*arguments: str) -> str:
    result = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise InputError(f"`git {' '.join(arguments)}` failed: {result.stderr.strip()}")
    return result.stdout.strip()
