"""What a run shows: the parameters that were changed, headline figures, a few smooth curves.

All else is in its files. Figures and curves have the name of the figure first and then what it is
of, as `mAP/finetune`, so that MLflow draws those that are to be compared side by side.
"""

import csv
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any, Final

from cm3d.errors import InputError
from cm3d.mlflow_runs.secrets import hidden_in_text

_STEP_COLUMNS: Final = ("step", "epoch")
_CURVES: Final = ("loss", "lr", "gradient")
# Curves of one step of one frame are noise; so many points show their course.
_POINTS: Final = 100
_SHOWN_CHARACTERS: Final = 250
_REFUSED_IN_NAMES: Final = re.compile(r"[^\w. :/-]", re.ASCII)
# Of every run, whether it was changed or not.
_ALWAYS_SHOWN: Final = ("dataset.name", "detector.name", "labels.fraction", "seed", "taxonomy")
_CHANGED: Final = "changed."
# Beside mAP, means over the classes that occur; they are in the file.
_LEFT_TO_FILES: Final = "_present"


@dataclass(frozen=True)
class Point:
    """One value of one curve."""

    name: str
    step: int
    value: float


def read_curves(name: str, path: Path) -> list[Point]:
    """Read a history with a `step` or `epoch` column: its loss, learning rate and gradient.

    Raises:
        InputError: The file is missing, has no step column, or holds something else than numbers.
    """
    try:
        with path.open(newline="") as file:
            reader = csv.DictReader(file)
            steps = [column for column in _STEP_COLUMNS if column in (reader.fieldnames or ())]
            rows = [_numbers(row, steps[0]) for row in reader]
    except OSError as error:
        raise InputError(f"{path}: missing; run `dvc repro`") from error
    except (IndexError, ValueError, TypeError, OverflowError, csv.Error) as error:
        raise InputError(
            f"{path}: not a history of numbers by step or epoch; rerun its stage"
        ) from error
    return curves(name, rows)


def _numbers(row: Mapping[str | None, Any], step_column: str) -> dict[str, float]:
    if None in row:
        raise ValueError("more cells than columns")
    numbers = {key: float(row[key]) for key in _CURVES if row.get(key)}
    return {**numbers, "step": int(float(row[step_column]))}


def curves(name: str, rows: Sequence[Mapping[str, float]], points: int = _POINTS) -> list[Point]:
    """A few points of each curve, the means of neighbours at the last one's step.

    Args:
        name: What is trained.
        rows: With `step`; what is missing or not finite in a row is left out.
        points: At most so many of each curve.
    """
    size = max(math.ceil(len(rows) / points), 1)
    found = []
    for begin in range(0, len(rows), size):
        group = rows[begin : begin + size]
        for key in _CURVES:
            values = [row[key] for row in group if math.isfinite(row.get(key, math.nan))]
            if values:
                step = int(group[-1]["step"])
                found.append(Point(accepted_name(f"{key}/{name}"), step, mean(values)))
    return found


def accepted_name(name: str) -> str:
    """A name with the characters that MLflow refuses exchanged for dashes."""
    return _REFUSED_IN_NAMES.sub("-", name)


def shown_params(params: Any) -> Any:
    """Parameters as they are, but for `***` in place of a password within a URI."""
    if isinstance(params, Mapping):
        return {key: shown_params(value) for key, value in params.items()}
    if isinstance(params, list | tuple):
        return [shown_params(value) for value in params]
    return hidden_in_text(params) if isinstance(params, str) else params


def short_params(params: Mapping[str, Any], base: Mapping[str, Any] | None) -> dict[str, str]:
    """What tells a run from others: `changed.` and the path of what differs, and a few of all.

    Args:
        params: Nested content of params.yaml.
        base: That of the experiment which it is compared with; None where there is none.
    """
    leaves = dict(_leaves(params))
    before = leaves if base is None else dict(_leaves(base))
    changed = {
        f"{_CHANGED}{path}": value
        for path, value in leaves.items()
        if path != "seed" and (path not in before or before[path] != value)
    }
    short = changed | {path: leaves[path] for path in _ALWAYS_SHOWN if path in leaves}
    return {accepted_name(path): _shown(value) for path, value in short.items()}


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 1]}…"


def headline_metrics(scores: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """Finite numbers as `mAP/finetune`.

    Args:
        scores: Figures by the name of what was scored; nested ones are left to the files.
    """
    return {
        accepted_name(f"{figure}/{scored}"): float(value)
        for scored, figures in scores.items()
        for figure, value in figures.items()
        if isinstance(value, int | float)
        and math.isfinite(value)
        and not figure.endswith(_LEFT_TO_FILES)
    }


def _leaves(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found = []
    for key, value in values.items():
        path = f"{prefix}{key}"
        if isinstance(value, Mapping):
            found += _leaves(value, f"{path}.")
        else:
            found.append((path, value))
    return found
