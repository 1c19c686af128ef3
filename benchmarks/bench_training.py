"""Steps per second of the default training, now and at an earlier commit.

Both train the network of their own `params.yaml` from files, one loader beside the trainer, in
turns, so that what else the machine does slows both down. Frames are those of `bench_detector`. The
earlier code comes out of Git's history into a temporary folder.
"""

import argparse
import io
import os
import statistics
import subprocess
import sys
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from rich.console import Console
from rich.table import Table

from cm3d.execution.devices import usable_cores

BEFORE: Final = "48a5dd1"  # box codes over whole maps, a loss per head, all points of every sweep
_HERE: Final = Path(__file__).resolve().parents[1]
_NEEDED: Final = ("src", "benchmarks", "experiments", "params.yaml", "taxonomies")


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", default=BEFORE, help="commit to compare with")
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--frames", type=int, default=12)
    parser.add_argument("--epochs", type=int, default=5)
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        earlier = Path(folder)
        if not checked_out(options.before, earlier):
            print(
                f"bench_training: no commit {options.before} in this clone: git fetch --unshallow"
            )
            return
        codes = {options.before: earlier, "now": _HERE}
        rates = {name: list[float]() for name in codes}
        for _ in range(options.turns):
            for name, code in codes.items():
                rates[name].append(steps_per_s(code, options.frames, options.epochs))
    Console(width=100).print(rates_table(rates, options.frames * options.epochs))


def checked_out(commit: str, folder: Path) -> bool:
    """Put the code of a commit into a folder; False where the clone does not have it."""
    command = ["git", "archive", commit, "--", *_NEEDED]
    archive = subprocess.run(command, cwd=_HERE, capture_output=True, check=False)
    if archive.returncode:
        return False
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(folder, filter="data")
    return True


def steps_per_s(code: Path, frames: int, epochs: int) -> float:
    """Of one training by the code in a folder, in a process of its own.

    Raises:
        subprocess.CalledProcessError: The training failed; its error is on the screen.
    """
    paths = os.pathsep.join([str(code / "src"), str(code)])
    script = _HERE / "benchmarks" / "detector" / "steps.py"
    command = [sys.executable, str(script), str(frames), str(epochs)]
    environment = {**os.environ, "PYTHONPATH": paths}
    ended = subprocess.run(command, cwd=code, env=environment, stdout=subprocess.PIPE, check=True)
    return float(ended.stdout)


def rates_table(rates: Mapping[str, Sequence[float]], steps: int) -> Table:
    """Median and all turns of each code, and how many times the first the last is."""
    table = Table(title=f"CPU, {usable_cores()} threads; {steps} steps of one frame in each turn")
    for heading in ("code", "steps/s, median", "turns", "times"):
        table.add_column(heading, justify="left" if heading == "code" else "right")
    medians = {name: statistics.median(found) for name, found in rates.items()}
    first = next(iter(medians.values()))
    for name, found in rates.items():
        turns = ", ".join(f"{rate:.2f}" for rate in found)
        table.add_row(name, f"{medians[name]:.2f}", turns, f"{medians[name] / first:.2f}")
    return table


if __name__ == "__main__":
    main()
