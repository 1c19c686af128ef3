"""A table with what was left out of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Generic, TypeAlias, TypeVar

from cm3d.tables.table import Table

UNREADABLE: Final = "unreadable images"

TableT = TypeVar("TableT", bound=Table, covariant=True)

# Names of what was left out, by reason.
LeftOut: TypeAlias = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, eq=False)
class Noted(Generic[TableT]):
    """What a stage makes of a scene where part of the input may be unusable.

    Args:
        table: The scene's table.
        left_out: Names of what was left out of it, by reason.
        beside: Further tables of the scene, each for a folder of its own.
    """

    table: TableT
    left_out: LeftOut = field(default_factory=dict)
    beside: tuple[Table, ...] = ()


def count_left_out(left_out: LeftOut) -> dict[str, int]:
    """How much was left out, by reason, with names fit for metrics."""
    return {reason.replace(" ", "_"): len(names) for reason, names in left_out.items()}


def merge_left_out(parts: Iterable[LeftOut]) -> dict[str, tuple[str, ...]]:
    """Names by reason, of several scenes or images together."""
    merged: dict[str, tuple[str, ...]] = {}
    for part in parts:
        for reason, names in part.items():
            merged[reason] = (*merged.get(reason, ()), *names)
    return merged
