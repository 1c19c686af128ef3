"""What a run holds: parameters, metrics and curves by the flat names that MLflow takes."""

import csv
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cm3d.errors import InputError
from cm3d.mlflow_runs.secrets import hidden_in_text

_STEP_COLUMNS = ("step", "epoch")
_MAX_PARAM_LENGTH = 6000
_REFUSED_IN_NAMES = re.compile(r"[^\w. :/-]", re.ASCII)


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
    except (IndexError, ValueError, TypeError, csv.Error) as error:
        raise InputError(
            f"{path}: not a history of numbers by step or epoch; rerun its stage"
        ) from error


def _points(name: str, row: dict[str, str], step_column: str) -> Iterator[Point]:
    step = int(float(row[step_column]))
    for column, text in row.items():
        if column not in _STEP_COLUMNS and text and math.isfinite(float(text)):
            yield Point(accepted_name(f"{name}/{column}"), step, float(text))


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


def flat_params(params: Mapping[str, Any]) -> dict[str, str]:
    """Leaves by dotted path, as `-S` names them.

    Lists, and text longer than MLflow takes, are left to the `params.yaml` artifact.
    """
    return {
        accepted_name(path): str(value)
        for path, value in _leaves(params, ".")
        if not isinstance(value, list | tuple) and len(str(value)) <= _MAX_PARAM_LENGTH
    }


def flat_metrics(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Finite numbers by path, levels divided by slashes, as MLflow groups its charts."""
    return {
        accepted_name(path): float(value)
        for path, value in _leaves(metrics, "/")
        if isinstance(value, int | float) and math.isfinite(value)
    }


def _leaves(values: Mapping[str, Any], separator: str, prefix: str = "") -> list[tuple[str, Any]]:
    found = []
    for key, value in values.items():
        path = f"{prefix}{key}"
        if isinstance(value, Mapping):
            found += _leaves(value, separator, f"{path}{separator}")
        else:
            found.append((path, value))
    return found
