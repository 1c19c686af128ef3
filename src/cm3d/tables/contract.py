"""What a table must hold: every value by its column's rule, every key once."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, get_type_hints

import numpy as np

from cm3d.geometry.arrays import NDArrayInt
from cm3d.tables.columns import Column
from cm3d.tables.rules import TEXT, Rule, Values
from cm3d.tables.words import codes

_LONGEST_VALUE: Final = 80


@dataclass(frozen=True)
class Fault:
    """A value that is none.

    Args:
        row: Of the table.
        column: Its name.
        reason: The value, and what is wrong with it.
    """

    row: int
    column: str
    reason: str


def first_fault(table: Any, key: Sequence[str]) -> Fault | None:
    """The first column's first value that breaks its rule, or a key that stands twice.

    Args:
        table: A `Table`.
        key: Columns whose values together stand once; rows with an empty text are left out. None
            at all: no row is compared.
    """
    for name, rule in rules_of(type(table)).items():
        values = getattr(table, name)
        with np.errstate(invalid="ignore"):
            is_met = rule.is_met(values)
        if not is_met.all():
            row = int(np.argmin(is_met))
            return Fault(row, name, f"{shown(values[row])} is not {rule.wanted}")
    repeated = _first_repeated([getattr(table, name) for name in key]) if len(table) > 1 else None
    return (
        None
        if repeated is None
        else Fault(repeated, key[-1], f"the row repeats another's {_all(key)}")
    )


def shown(value: Any) -> str:
    """A value in a message, on one line and not too long."""
    plain = value.tolist() if isinstance(value, np.ndarray | np.generic) else value
    try:
        text = repr(plain)
    except ValueError:  # Python writes no integer of thousands of digits
        text = "a number of thousands of digits"
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}..."


def _first_repeated(columns: Sequence[Values]) -> int | None:
    if not columns:
        return None
    combined = np.zeros(len(columns[0]), dtype=np.int64)
    counts = np.ones(len(combined), dtype=bool)
    for values in columns:
        number = _numbered(values)
        combined = np.unique(combined * (number.max() + 1) + number, return_inverse=True)[1]
        if values.dtype == object:
            counts &= values != ""
    rows = np.flatnonzero(counts)
    first = np.unique(combined[rows], return_index=True)[1]
    return None if len(first) == len(rows) else int(np.delete(rows, first)[0])


def _numbered(values: Values) -> NDArrayInt:
    """One number (N,) per distinct row of (N,) or (N, width)."""
    if values.dtype == object:
        return codes(values)
    if values.ndim == 1:
        return np.asarray(np.unique(values, return_inverse=True)[1])
    combined = np.zeros(len(values), dtype=np.int64)
    for column in values.T:
        number = _numbered(column)
        combined = np.unique(combined * (number.max() + 1) + number, return_inverse=True)[1]
    return combined


def _all(key: Sequence[str]) -> str:
    return ", ".join(key)


def columns_of(table: Any) -> dict[str, Column]:
    """The columns that a table class declares, in order."""
    return _columns(table)


def rules_of(table: Any) -> dict[str, Rule]:
    """What each column's values must be; texts without a rule of their own must be texts."""
    return _rules(table)


@cache
def _columns(table: Any) -> dict[str, Column]:
    return {name: metadata[0] for name, metadata in _declared(table).items()}


@cache
def _rules(table: Any) -> dict[str, Rule]:
    rules = {}
    for name, (column, *own) in _declared(table).items():
        if own or column.arrow_type == "string":
            rules[name] = own[0] if own else TEXT
    return rules


def _declared(table: Any) -> dict[str, tuple[Any, ...]]:
    hints = get_type_hints(table, include_extras=True)
    return {f.name: hints[f.name].__metadata__ for f in dataclasses.fields(table)}
