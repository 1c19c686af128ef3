"""`make bench`: every benchmark, one after the other, each in a process of its own."""

import os
import subprocess
import sys
from typing import Final

_BENCHMARKS: Final = (
    "lift",
    "medoid",
    "scaling",
    "evaluation",
    "detector",
    "training",
    "bevfusion",
    "shelf",
)


def main() -> None:
    """Measure and print all tables."""
    quiet = {**os.environ, "TQDM_DISABLE": "1"}
    for name in _BENCHMARKS:
        command = [sys.executable, "-m", f"benchmarks.bench_{name}"]
        subprocess.run(command, env=quiet, check=True)


if __name__ == "__main__":
    main()
