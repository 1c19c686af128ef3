"""`python -m experiments.recorder PROCESS`: keep MLflow up with a table that another process runs.

What happens is read from stdin, a JSON object a line (`experiments.recording` writes them). It is a
process of its own, so that a store that is slow or away holds no training up, and that a table
whose process was killed, at once as well, is told of as killed.
"""

import argparse
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

from cm3d.errors import InputError
from cm3d.execution import pipeline
from cm3d.mlflow_runs import (
    Status,
    add_tags,
    curves,
    end_run,
    log_points,
    open_child,
    open_run,
    read_provenance,
    record_run,
    short_params,
    shown_params,
)
from experiments.trainings import rows_of as rows_of_training
from experiments.trainings import trainings_of
from stages.shared.revisions import files_of
from stages.track import read_content

_LOOKS_EVERY_S: Final = 5.0
_POINTS_PER_LOOK: Final = 10


@dataclass
class Recorder:
    """What is known of the table that is being run.

    Args:
        runner: Number of the process that runs it.
        project: Its folder.
        parent: Key of the table's run.
        child: Key of the run of the experiment that is being run.
        experiment: Name of that.
        seen: Steps that its curves have, by stage.
        rows: Names of the rows that each child stands for.
    """

    runner: int
    project: Path
    parent: str = ""
    child: str = ""
    experiment: str = ""
    seen: dict[str, int] = field(default_factory=dict)
    rows: dict[str, list[str]] = field(default_factory=dict)

    def table(self, name: str, identity: Mapping[str, str], tags: Mapping[str, str]) -> None:
        """A table begins."""
        self.parent, _ = open_run(name, identity, {}, tags)

    def trial(
        self,
        *,
        experiment: str,
        title: str,
        row: str,
        params: Mapping[str, Any],
        base: Mapping[str, Any],
        tags: Mapping[str, str],
        finished: bool,
    ) -> None:
        """An experiment of it begins, or is there.

        Args:
            experiment: Its name in DVC.
            title: Of its run.
            row: Of the table; rows that share an experiment share its run.
            params: Its parameters.
            base: Those that the table starts from.
            tags: What else there is to know.
            finished: Whether it is there.
        """
        rows = self.rows.setdefault(experiment, [])
        rows += [] if row in rows else [row]
        named = {**tags, "row": "; ".join(rows)}
        short = short_params(shown_params(params), shown_params(base))
        self.experiment, self.seen = experiment, {}
        self.child, recorded = open_child(self.parent, experiment, title, short, named)
        if recorded:
            add_tags(self.child, named)
            self.child = ""
        elif finished:
            self.end("FINISHED")

    def look(self) -> None:
        """Add to the curves what trainings have done since the last look."""
        if not self.child:
            return
        for stage, folder in trainings_of(self.runner, self.project).items():
            rows = rows_of_training(folder)
            new = rows[self.seen.get(stage, 0) :]
            if new:
                log_points(self.child, curves(stage, new, _POINTS_PER_LOOK))
                self.seen[stage] = len(rows)

    def end(self, status: Status) -> None:
        """The experiment has ended; if it ended well, its figures are in a commit."""
        if not self.child:
            return
        child, self.child = self.child, ""
        try:
            if status == "FINISHED":
                self._record(child)
        finally:
            end_run(child, status)

    def close(self, status: Status, description: str = "", artifacts: Iterable[str] = ()) -> None:
        """The table has ended."""
        if self.parent:
            end_run(self.parent, status, description, map(Path, artifacts))
        self.parent = ""

    def killed(self) -> None:
        """The process that runs it is gone without a word."""
        try:
            self.end("KILLED")
        finally:
            self.close("KILLED")

    def _record(self, run_id: str) -> None:
        commit = _git("for-each-ref", "--format=%(objectname)", f"refs/exps/*/*/{self.experiment}")
        newest = commit.decode().split()[0]
        with files_of(self.project, newest) as workspace:
            stages = pipeline.fresh_stages(workspace)
            provenance = read_provenance(workspace, stages, self.experiment)
            baseline = _git("rev-parse", f"{newest}^").decode().strip()
            provenance.tags.update(
                {name: baseline for name in ("git.commit", "mlflow.source.git.commit")}
                | {"dvc.exp_rev": newest}
            )
            content, _ = read_content(workspace, stages)
            record_run(provenance, content, run_id)


def _git(*arguments: str) -> bytes:
    result = subprocess.run(["git", *arguments], capture_output=True, check=False)
    if result.returncode or not result.stdout:
        raise InputError(f"`git {' '.join(arguments)}` found nothing; the run has no figures")
    return result.stdout


def serve(recorder: Recorder, lines: "queue.Queue[str]") -> None:
    """Do what the lines say until there are no more; the last one is empty.

    A store that refuses is told of once. What else happens is tried nevertheless, but for a table
    that has no run.
    """
    does: dict[str, Callable[..., None]] = {
        "table": recorder.table,
        "trial": recorder.trial,
        "end": recorder.end,
        "close": recorder.close,
    }
    told = ended = False
    while not ended:
        act: Callable[[], None] = recorder.look
        with suppress(queue.Empty):
            line = lines.get(timeout=_LOOKS_EVERY_S)
            ended = not line
            message = json.loads(line or "{}")
            act = recorder.killed if ended else partial(does[message.pop("what")], **message)
        try:
            act()
        except (InputError, OSError) as error:  # the system's: no room for an experiment's files
            if not told:
                print(f"note: {error}; the table goes on without it", file=sys.stderr, flush=True)
            told = True
            if not recorder.parent:
                return


def main() -> None:
    """Keep up with the table of a process until it ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("process", type=int)
    runner = parser.parse_args().process
    for number in (signal.SIGINT, signal.SIGHUP):  # it ends with the runner, not before it
        signal.signal(number, signal.SIG_IGN)
    project = Path(os.environ.setdefault("DVC_ROOT", str(Path.cwd())))
    lines: queue.Queue[str] = queue.Queue()

    def read() -> None:
        for line in sys.stdin:
            lines.put(line)
        lines.put("")

    threading.Thread(target=read, daemon=True).start()
    serve(Recorder(runner, project), lines)


if __name__ == "__main__":
    main()
