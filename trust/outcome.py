"""What a part of `make trust` has found, and the JSON file that keeps it."""

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cm3d.execution.devices import usable_cores
from cm3d.execution.files import write_json
from trust.clone import PROJECT

RESULTS: Final = PROJECT / "trust" / "results"

# What `make trust` writes itself.
_WRITTEN: Final = ("trust/results", "docs/trust.md", "docs/images/trust_load.svg")

Cell = str | int | float


@dataclass(frozen=True)
class Outcome:
    """What was tried and what held.

    Args:
        tried: Number of trials.
        kept: Of them, how many kept the promise.
        rows: A table, one mapping from heading to cell per row.
        faults: A line per trial that did not.
        notes: What there is to know of how it was measured.
    """

    tried: int
    kept: int
    rows: Sequence[Mapping[str, Cell]]
    faults: Sequence[str] = ()
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Measured:
    """An outcome with where and when.

    Args:
        part: Name of the part.
        short: Whether few repetitions were made.
        took_s: Wall-clock time.
        outcome: What was found.
        date: Day, UTC.
        commit: Of the working tree, with a plus where it had changes.
        machine: In words.
    """

    part: str
    short: bool
    took_s: float
    outcome: Outcome
    date: str = field(default_factory=lambda: datetime.now(UTC).date().isoformat())
    commit: str = field(default_factory=lambda: _commit())
    machine: str = field(default_factory=lambda: _machine())

    def write(self, folder: Path = RESULTS) -> Path:
        """Write it as JSON; the file."""
        path = folder / f"{self.part}.json"
        write_json(path, asdict(self))
        return path


def read_measured(part: str, folder: Path = RESULTS) -> Measured | None:
    """What was measured of a part; None where it has not been run."""
    path = folder / f"{part}.json"
    if not path.is_file():
        return None
    content = json.loads(path.read_text())
    return Measured(**{**content, "outcome": Outcome(**content["outcome"])})


def _commit() -> str:
    def git(*words: str) -> str:
        done = subprocess.run(
            ["git", *words], cwd=PROJECT, capture_output=True, text=True, check=False
        )
        return done.stdout.strip()

    changes = git("status", "--porcelain", "--", ".", *(f":!{path}" for path in _WRITTEN))
    return git("rev-parse", "--short", "HEAD") + ("+" if changes else "")


def _machine() -> str:
    cores, load = usable_cores(), os.getloadavg()[0]
    return f"{cores} {platform.machine()} cores, load average {load:.1f} at the end"
