"""Training histories from CSV."""

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cm3d.errors import InputError
from cm3d.tracking.flatten import accepted_name

_STEP_COLUMNS = ("step", "epoch")


@dataclass(frozen=True)
class Point:
    """One value of one curve."""

    name: str
    step: int
    value: float


def read_curves(name: str, path: Path) -> list[Point]:
    """Read a history with a `step` or `epoch` column; every other column is one curve.

    Empty and non-finite cells are left out.

    Raises:
        InputError: The file is missing, has no step column, or holds something else than numbers.
    """
    try:
        with path.open(newline="") as file:
            reader = csv.DictReader(file)
            steps = [column for column in _STEP_COLUMNS if column in (reader.fieldnames or ())]
            return [point for row in reader for point in _points(name, row, steps[0])]
    except OSError as error:
        raise InputError(f"{path}: missing; run `dvc repro`") from error
    except (IndexError, ValueError, TypeError) as error:
        raise InputError(
            f"{path}: not a history of numbers by step or epoch; rerun its stage"
        ) from error


def _points(name: str, row: dict[str, str], step_column: str) -> Iterator[Point]:
    step = int(float(row[step_column]))
    for column, text in row.items():
        if column not in _STEP_COLUMNS and text and math.isfinite(float(text)):
            yield Point(accepted_name(f"{name}/{column}"), step, float(text))
