"""What another program found: tables of this project, and entries that are of no use.

Entries that cannot be used are counted, not fatal; a file that is no such file is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, Self, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cm3d.errors import InputError
from cm3d.geometry.arrays import NDArrayBool, NDArrayInt
from cm3d.params import check_file
from cm3d.tables.contract import rules_of, shown
from cm3d.tables.table import Table, columns_of

TableT = TypeVar("TableT", bound=Table)


class Unused(dict[str, int]):
    """How many entries of a file are of no use, by reason.

    Args:
        counts: By reason.
        first: Of some reasons the first such entry, in words.
    """

    def __init__(self, counts: Mapping[str, int], first: Mapping[str, str] | None = None) -> None:
        """Take both over."""
        super().__init__(counts)
        self.first = dict(first or {})


@dataclass(frozen=True, eq=False)
class Results(Generic[TableT]):
    """The usable rows of a file.

    Args:
        rows: In the order of the file.
        unused: The entries that are none of them.
    """

    rows: TableT
    unused: Unused


@dataclass(frozen=True, eq=False)
class Entries(Generic[TableT]):
    """The entries of a file.

    Args:
        rows: Those that a table could be made of, in the order of the file.
        number: (N,) where in the file each stands, from 0.
        malformed: What is wrong with an entry, by its number; it may be one of the rows.
    """

    rows: TableT
    number: NDArrayInt
    malformed: dict[int, str]

    def without(self, fails: NDArrayBool, fault: str) -> Self:
        """The same, with one more fault of those rows (N,) that had none."""
        new = dict.fromkeys(self.number[fails].tolist(), fault)
        return replace(self, malformed=new | self.malformed)

    def by_rules(self, *columns: str) -> Self:
        """The same, with the faults that the rules of some of the table's columns find."""
        entries = self
        for name in columns:
            rule, values = rules_of(type(self.rows))[name], getattr(self.rows, name)
            with np.errstate(invalid="ignore"):
                fails = np.flatnonzero(~rule.is_met(values))
            faults = {
                int(self.number[row]): f"{name} is {shown(values[row])}, expected {rule.wanted}"
                for row in fails
            }
            entries = replace(entries, malformed=faults | entries.malformed)
        return entries


def is_tables(path: Path) -> bool:
    """Whether a path names tables, and not COCO's results."""
    return path.is_dir() or path.suffix == ".parquet"


def read_tables(kind: type[TableT], path: Path, key: str) -> Entries[TableT]:
    """Read one Parquet file, or every one of a folder (one per scene, as stages write them).

    Args:
        kind: The table.
        path: The file or the folder.
        key: The parameter that names it, for errors.

    Returns:
        The rows, numbered through the files; malformed are those that lack a value.

    Raises:
        InputError: There is no such file, or it has no such table.
    """
    files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    if not files:
        raise InputError(f"{path}: no Parquet files; correct {key}")
    table = pa.concat_tables([_read(kind, file, key) for file in files])
    malformed = {
        int(row): f"{name} is null"
        for name in reversed(table.column_names)
        for row in np.flatnonzero(table[name].is_null())
    }
    whole = table.drop_null()
    columns = {name: column.to_numpy(whole[name]) for name, column in columns_of(kind).items()}
    number = np.setdiff1d(np.arange(len(table)), list(malformed))
    return Entries(kind(**columns), number, malformed)


def _read(kind: type[Table], path: Path, key: str) -> pa.Table:
    schema = kind.schema()
    check_file(path, f"correct {key}")
    try:
        return pq.read_table(path, partitioning=None).select(schema.names).cast(schema)
    except (OSError, KeyError, ValueError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())
        what = f"no table of {kind.__name__}: {reason}"
        raise InputError(f"{path}: {what}; write it again") from error


def say_unused(file: str, unused: Unused) -> None:
    """Print a line per reason for which entries are of no use, and the first of each."""
    for reason, count in unused.items():
        if count:
            first = f", first {unused.first[reason]}" if reason in unused.first else ""
            print(f"note: {file}: left out {count} {reason.replace('_', ' ')}{first}")
