"""Experiments of a clone: queued, run, and what each has left."""

import json
import re
import time
from collections.abc import Mapping
from typing import Any, Final

import yaml

from cm3d.execution.progress import Progress
from trust.clone import Clone

_PATIENCE_S: Final = 3600.0
_POLL_S: Final = 3.0
_ENDED: Final = re.compile(r"\b(Success|Failed)\b")


def commit_results(clone: Clone) -> None:
    """Experiments start from what is committed."""
    clone.run("git", "add", "-A", "dvc.lock", "metrics")
    clone.run("git", "commit", "-q", "--allow-empty", "-m", "results")


def queue(clone: Clone, name: str, changes: Mapping[str, Any], targets: tuple[str, ...]) -> None:
    """Put an experiment of single stages into the queue."""
    overrides = [word for key, value in changes.items() for word in ("-S", f"{key}={value}")]
    clone.dvc("exp", "run", "--queue", "-n", name, *overrides, "--single-item", *targets)


def run_queue(clone: Clone, workers: int, experiments: int) -> dict[str, int]:
    """Run what is queued; how many ended how.

    Raises:
        TimeoutError: It takes more than an hour.
    """
    clone.dvc("queue", "start", "-j", str(workers))
    begun_s, done = time.monotonic(), 0
    with Progress("queue", experiments, "experiment", whole_run=True) as progress:
        while True:
            status = clone.dvc("queue", "status")
            ended = _ENDED.findall(status)
            progress.add(len(ended) - done)
            done = len(ended)
            if not re.search(r"\b(Queued|Running)\b", status):
                return {word: ended.count(word) for word in ("Success", "Failed")}
            if time.monotonic() - begun_s > _PATIENCE_S:
                raise TimeoutError(f"{done} of {experiments} experiments in an hour")
            time.sleep(_POLL_S)


def commits(clone: Clone) -> dict[str, str]:
    """Commits of the experiments by their names."""
    form = "--format=%(refname) %(objectname)"
    lines = clone.run("git", "for-each-ref", form, "refs/exps").stdout.splitlines()
    pairs = (line.split() for line in lines)
    return {ref.rsplit("/", 1)[1]: commit for ref, commit in pairs if "/exec/" not in ref}


def committed_params(clone: Clone, commit: str) -> dict[str, Any]:
    """params.yaml of an experiment."""
    text = clone.run("git", "show", f"{commit}:params.yaml").stdout
    values: dict[str, Any] = yaml.safe_load(text)
    return values


def committed_scores(clone: Clone, commit: str, file: str) -> dict[str, Any]:
    """A metrics file of an experiment."""
    scores: dict[str, Any] = json.loads(clone.run("git", "show", f"{commit}:{file}").stdout)
    return scores
