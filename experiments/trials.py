"""The runs that a table needs, each a row with a seed: those not yet made are made."""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cm3d.errors import InputError
from experiments.dvc_experiments import find_metrics, run_experiment
from experiments.paper_tables import Row

Scores = dict[str, float | None]


@dataclass(frozen=True)
class Trial:
    """One row with one seed.

    Args:
        row: The row.
        seed: Of the data, the detections and the networks.
        changes: All parameters that are changed, the seed among them.
        name: Of the DVC experiment.
    """

    row: Row
    seed: int
    changes: dict[str, Any]
    name: str

    def find(self) -> Scores | None:
        """Its figures in [0, 1], if it has been run."""
        assert self.row.metrics is not None
        return find_metrics(self.name, self.row.metrics)

    def run(self) -> Scores:
        """Run it.

        Raises:
            InputError: The run failed.
        """
        run_experiment(self.name, str(self.row.target), self.changes)
        scores = self.find()
        if scores is None:
            raise InputError(f"experiment {self.name}: left no {self.row.metrics}; see its target")
        return scores


def run_trials(title: str, trials: Sequence[Trial]) -> list[Scores]:
    """Run what has not been run, in order, and say how far it is; a failed run stops no other.

    Raises:
        InputError: Runs failed; the others are found by the next call.
    """
    todo = {trial.name for trial in trials if trial.find() is None}
    results, failed, spent_s = list[Scores](), list[str](), list[float]()
    for number, trial in enumerate(trials, start=1):
        scores = trial.find()
        if scores is None:
            left = time_left(spent_s, len(todo))
            say(f"{title}: {number} of {len(trials)}: {trial.row.name}, seed {trial.seed}{left}")
            begin_s = time.monotonic()
            try:
                scores = trial.run()
            except InputError as error:
                say(str(error))
                failed.append(trial.name)
                scores = {}
            spent_s.append(time.monotonic() - begin_s)
            todo.discard(trial.name)
        results.append(scores)
    if failed:
        raise InputError(
            f"{title}: {len(failed)} of {len(trials)} runs failed, their messages are above; "
            "run it again, the others are kept"
        )
    return results


def time_left(spent_s: Sequence[float], runs: int) -> str:
    """How long some more runs take, by the mean of those before; nothing before the first."""
    if not spent_s:
        return ""
    return f", about {sum(spent_s) / len(spent_s) * runs / 60:.0f} min left"


def say(line: str) -> None:
    """Print a line on stderr."""
    print(line, file=sys.stderr)
