"""Things as columns: what is stored of N of them, selected and stacked in one way."""

from collections.abc import Iterable
from dataclasses import fields
from functools import cache
from typing import Any, ClassVar, Self, cast

import numpy as np


class Rows:
    """Base of frozen dataclasses whose fields are arrays (N, ...), or `Rows`, of equally many rows.

    They do not iterate: whether over rows or columns would be a guess.

    Example::

        @dataclass(frozen=True, eq=False)
        class Discs(Rows):
            center_m: NDArrayFloat  # (N, 2)
            radius_m: NDArrayFloat  # (N,)

        discs[discs.radius_m > 1.0]
    """

    __iter__: ClassVar[None] = None

    def __len__(self) -> int:
        """Number of rows."""
        return len(next(iter(columns(self).values())))

    def __getitem__(self, rows: Any) -> Self:
        """Select rows by a boolean mask, an index array or a slice."""
        return type(self)(**{name: column[rows] for name, column in columns(self).items()})

    @classmethod
    def concatenate(cls, parts: Iterable[Self]) -> Self:
        """Stack; there is at least one part."""
        stack, kind = list(parts), cast(Any, cls)
        columns_of = {name: [getattr(part, name) for part in stack] for name in names(kind)}
        return cls(**{name: _stacked(of_parts) for name, of_parts in columns_of.items()})


@cache
def names(rows: Any) -> tuple[str, ...]:
    """Names of the columns that a class of rows declares, in order."""
    return tuple(field.name for field in fields(rows))


def columns(rows: Rows) -> dict[str, Any]:
    """The columns by name, in order."""
    kind = cast(Any, type(rows))
    return {name: getattr(rows, name) for name in names(kind)}


def _stacked(parts: list[Any]) -> Any:
    first = parts[0]
    return (
        np.concatenate(parts) if isinstance(first, np.ndarray) else type(first).concatenate(parts)
    )
