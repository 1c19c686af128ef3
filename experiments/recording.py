"""What MLflow is told while a table runs: its runs are alive, and end as what they stand for does.

A process beside this one does it (`experiments.recorder`); this one writes it a line a time.
"""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from cm3d.params import read_yaml
from experiments.overrides import PARAMS_FILE, with_overrides
from experiments.preset import load_presets
from experiments.trials import Trial, pipeline_state, say

_ENDS_WITHIN_S: Final = 120.0


class Recording:
    """The runs of a table in MLflow; nothing is done before the first of its trials.

    Args:
        table: Name of the table.
        presets: That all rows start from.
    """

    def __init__(self, table: str, presets: Sequence[str]) -> None:
        """Nothing is said yet."""
        self._table, self._presets = table, list(presets)
        self._recorder: subprocess.Popen[str] | None = None
        self._base: dict[str, Any] = {}
        self._written: dict[str, Any] = {}

    @contextmanager
    def running(self, trial: Trial) -> Iterator[None]:
        """Around an experiment: it ends well, fails by an error, or is killed by anything else."""
        self._say_trial(trial, finished=False)
        with _ending(lambda status: self._say("end", status=status)):
            yield

    def found(self, trial: Trial) -> None:
        """An experiment is there, run now or before."""
        self._say_trial(trial, finished=True)

    def written(self, text: str, files: Sequence[Path]) -> None:
        """The table was written: as Markdown for the page of its run, and files to keep."""
        self._written = {"description": text, "artifacts": [str(path) for path in files]}

    def close(self, status: str) -> None:
        """Say how the table has ended, and wait until all is kept."""
        if self._recorder is None:
            return
        self._say("close", status=status, **self._written)
        if self._recorder.stdin:
            with suppress(OSError):
                self._recorder.stdin.close()
        try:
            self._recorder.wait(_ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            say("note: MLflow is still being told of this table, by a process that ends by itself")

    def _say_trial(self, trial: Trial, *, finished: bool) -> None:
        if self._recorder is None:
            self._begin()
        self._say(
            "trial",
            experiment=trial.name,
            title=trial.title,
            row=trial.row.name,
            params=with_overrides(self._base, trial.changes),
            base=self._base,
            tags={"table": self._table, "seed": str(trial.seed)},
            finished=finished,
        )

    def _begin(self) -> None:
        self._recorder = start()
        self._base = with_overrides(read_yaml(PARAMS_FILE), load_presets(self._presets))
        state = json.dumps([self._table, self._presets, pipeline_state()])
        tags = {"table": self._table, "preset": " ".join(self._presets)}
        self._say(
            "table",
            name=" ".join([self._table, *self._presets]),
            identity={"table.state": hashlib.sha256(state.encode()).hexdigest()[:12]},
            tags={key: text for key, text in tags.items() if text},
        )

    def _say(self, what: str, **content: Any) -> None:
        """Write the recorder a line; one that has ended has said why."""
        if self._recorder and self._recorder.stdin:
            with suppress(BrokenPipeError, ValueError):
                self._recorder.stdin.write(f"{json.dumps({'what': what, **content})}\n")
                self._recorder.stdin.flush()


@contextmanager
def recording(table: str, presets: Sequence[str]) -> Iterator[Recording]:
    """Around the runs of a table: its own run ends as they do.

    Args:
        table: Its name.
        presets: That all rows start from. Others, and other code or parameters, are another run.
    """
    record = Recording(table, presets)
    with _ending(record.close):
        yield record


@contextmanager
def _ending(say: Callable[[str], None]) -> Iterator[None]:
    """Say how it ended: FINISHED, FAILED by an error, or KILLED by a signal."""
    status = "KILLED"
    try:
        yield
        status = "FINISHED"
    except Exception:
        status = "FAILED"
        raise
    finally:
        say(status)


def start() -> "subprocess.Popen[str]":
    """The process that keeps the runs of this one; a terminal's Ctrl-C does not reach it."""
    return subprocess.Popen(
        [sys.executable, "-m", "experiments.recorder", str(os.getpid())],
        stdin=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
