"""The course of a training, short enough for a plot that many trainings and revisions share.

Trainings differ in length, so a course is told by the share that is done, in 25 parts, each the
mean over its steps.
"""

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from cm3d.errors import InputError

History = Sequence[Mapping[str, float]]

PARTS: Final = 25
_TOTALS: Final = ("loss", "gradient")
_NO_TERMS: Final = {*_TOTALS, "epoch", "step", "lr"}
_DIGITS: Final = 5


def read_history(path: Path) -> list[dict[str, float]]:
    """The rows that a training stage left, one per step or for some steps; none if it trained none.

    Raises:
        InputError: The file cannot be read, or holds something else than numbers.
    """
    try:
        with path.open(newline="") as file:
            rows = [
                {name: float(text) for name, text in row.items()} for row in csv.DictReader(file)
            ]
        if rows and not {"epoch", *_TOTALS} <= rows[0].keys():
            raise ValueError("a column is missing")
    except OSError as error:
        raise InputError(f"{path}: missing; run `dvc repro {path.stem}`") from error
    except (ValueError, TypeError, csv.Error) as error:
        remedy = f"run `dvc repro -f -s {path.stem}`"
        raise InputError(f"{path}: not a history of numbers; {remedy}") from error
    return rows


def course_rows(history: History) -> list[dict[str, Any]]:
    """Plot rows of the loss and of the norm of the gradient over the share that is `done`, in %."""
    return [
        {"done": done, "epoch": row["epoch"], **{name: row[name] for name in _TOTALS}}
        for done, row in _parts(history)
    ]


def term_rows(history: History) -> list[dict[str, Any]]:
    """The same of the terms that add up to the loss, a row for each."""
    return [
        {"done": done, "term": name, "loss": value}
        for done, row in _parts(history)
        for name, value in row.items()
        if name not in _NO_TERMS
    ]


def _parts(history: History) -> list[tuple[float, dict[str, float | None]]]:
    """Per part the share that is done at its end, and the means over its steps."""
    groups = np.array_split(np.arange(len(history)), min(PARTS, len(history)) or 1)
    return [
        (
            round(100 * (int(group[-1]) + 1) / len(history), 1),
            {name: _rounded([history[index][name] for index in group]) for name in history[0]},
        )
        for group in groups
        if len(group)
    ]


def _rounded(values: Sequence[float]) -> float | None:
    """Their mean with a few digits; steps without a finite value do not count."""
    finite = [value for value in values if math.isfinite(value)]
    return float(f"{np.mean(finite):.{_DIGITS}g}") if finite else None
