"""A table: a frozen dataclass of columns that is written as one Parquet file.

A subclass declares its columns by type, and what they may hold by a rule::

    @dataclass(frozen=True, eq=False)
    class Boxes2D(Table):
        camera_token: Annotated[Text, TOKEN]
        score: Annotated[Float, SHARE]

In memory a column is a numpy array of shape (rows,) or (rows, width); rules are checked where a
table is written or read. On disk the same rows give the same bytes: rows are sorted by the table's
key, the schema is fixed, compression is zstd, and nothing depends on the time.
"""

import dataclasses
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cm3d.errors import InputError, unwritable
from cm3d.geometry.arrays import NDArrayObject
from cm3d.params import is_name
from cm3d.tables.contract import Fault, columns_of, first_fault, rules_of, shown
from cm3d.tables.parquet import (
    FIRST_VERSION,
    check_references,
    read_parquet,
    remedy,
    versioned,
)
from cm3d.tables.rules import TOKEN
from cm3d.tables.words import codes

__all__ = ["Table", "TableT", "columns_of", "read_scenes", "scene_names"]


@dataclass(frozen=True, eq=False)
class Table:
    """Base of all tables; see the module's docstring.

    Raises:
        InputError: Columns of unequal length or wrong width.
    """

    sort_by: ClassVar[tuple[str, ...]] = ()
    # columns whose values together stand once in a file, those with an empty text left out
    key: ClassVar[tuple[str, ...]] = ()
    # to be raised with every change of columns or of their meaning
    version: ClassVar[int] = FIRST_VERSION

    def __post_init__(self) -> None:
        """Cast every column to its declared type and check its shape."""
        for name, column in columns_of(type(self)).items():
            object.__setattr__(self, name, column.shaped(getattr(self, name), name))
        lengths = {name: len(getattr(self, name)) for name in columns_of(type(self))}
        if len(set(lengths.values())) > 1:
            raise InputError(f"{type(self).__name__}: columns of unequal length: {lengths}")

    def __len__(self) -> int:
        """Number of rows."""
        return len(getattr(self, next(iter(columns_of(type(self))))))

    def __getitem__(self, rows: Any) -> Self:
        """Select rows by a boolean mask, an index array or a slice."""
        return type(self)(**{name: getattr(self, name)[rows] for name in columns_of(type(self))})

    @classmethod
    def from_columns(cls, **columns: Any) -> Self:
        """Build from whatever numpy takes for arrays, lists included."""
        return cls(**columns)

    @classmethod
    def empty(cls) -> Self:
        """A table without rows."""
        return cls(**{name: np.empty((0,)) for name in columns_of(cls)})

    @classmethod
    def concatenate(cls, tables: Iterable[Self]) -> Self:
        """Stack tables; none at all gives an empty one."""
        parts = list(tables)
        if not parts:
            return cls.empty()
        names = columns_of(cls)
        return cls(**{name: np.concatenate([getattr(p, name) for p in parts]) for name in names})

    def replace(self, **columns: Any) -> Self:
        """A copy with some columns exchanged."""
        return dataclasses.replace(self, **columns)

    def sorted(self) -> Self:
        """Rows in the order of `sort_by`; ties keep their order."""
        order = np.arange(len(self))
        for name in reversed(self.sort_by):
            order = order[np.argsort(getattr(self, name)[order], kind="stable")]
        return self[order]

    @classmethod
    def schema(cls) -> pa.Schema:
        """The schema on disk."""
        columns = [(name, column.storage_type) for name, column in columns_of(cls).items()]
        return versioned(pa.schema(columns), cls.version)

    def fault(self) -> Fault | None:
        """The first value that breaks a column's rule, or the first key that stands twice."""
        return first_fault(self, self.key)

    def write(self, path: Path) -> None:
        """Write the sorted rows to one Parquet file, whole or not at all.

        Raises:
            InputError: A value breaks its column's rule, or the folder cannot be written.
        """
        rows = self.sorted()
        if fault := rows.fault():
            raise InputError(
                f"{path}: row {fault.row}, column {fault.column!r}: {fault.reason}; it is not "
                "written, correct the stage's input and parameters"
            )
        arrays = [col.from_numpy(getattr(rows, n)) for n, col in columns_of(type(self)).items()]
        partial = path.with_name(f".{path.name}.partial")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            table = pa.Table.from_arrays(arrays, schema=self.schema())
            pq.write_table(table, partial, compression="zstd")
            partial.replace(path)
        except OSError as error:
            with suppress(OSError):
                partial.unlink()
            raise unwritable(path, error) from error

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read one Parquet file.

        Raises:
            InputError: The file is missing, unreadable, of another version or of other columns, or
                a value breaks its column's rule; the message names the stage to rerun.
        """
        stored = read_parquet(path, cls.schema(), cls.version)
        table = cls(**{n: col.to_numpy(stored[n]) for n, col in columns_of(cls).items()})
        if fault := table.fault() or table.fault_in(path):
            raise InputError(
                f"{path}: row {fault.row}, column {fault.column!r}: {fault.reason}; rebuild it "
                f"with {remedy(path)}"
            )
        check_references(path, stored)
        return table

    def fault_in(self, path: Path) -> Fault | None:
        """The first value that does not fit the file's name."""
        return None


TableT = TypeVar("TableT", bound=Table)


def read_scenes(table: type[TableT], folder: Path, scenes: Iterable[str]) -> TableT:
    """Read and stack the files of several scenes, `<folder>/<scene>.parquet` each.

    Raises:
        InputError: A file is none of this table, or two scenes share a token that is its key.
    """
    names = list(scenes)
    parts = [table.read(folder / f"{scene}.parquet") for scene in names]
    stacked = table.concatenate(parts)
    if len(table.key) == 1 and rules_of(table).get(table.key[0]) is TOKEN:
        owners = np.repeat(np.array(names, dtype=object), [len(part) for part in parts])
        _refuse_shared(folder, owners, table.key[0], getattr(stacked, table.key[0]))
    return stacked


def _refuse_shared(folder: Path, owners: NDArrayObject, column: str, tokens: NDArrayObject) -> None:
    """Refuse a token that stands twice; `owners` are the scenes of all (N,)."""
    first = np.unique(codes(tokens), return_index=True)[1]
    if len(first) < len(tokens):
        row = int(np.setdiff1d(np.arange(len(tokens)), first)[0])
        other = owners[np.argmax(tokens == tokens[row])]
        raise InputError(
            f"{folder}: scenes {other} and {owners[row]} share the {column} {shown(tokens[row])}; "
            f"give each its own and rebuild it with {remedy(folder / other)}"
        )


def scene_names(folder: Path) -> list[str]:
    """The scenes that have a file in `folder`, sorted.

    Raises:
        InputError: There is none, or a file has a name that no scene has.
    """
    names = sorted(path.stem for path in folder.glob("*.parquet"))
    if strange := [name for name in names if not is_name(name)]:
        raise InputError(f"{folder / strange[0]}.parquet: no file of a scene; delete it")
    if not names:
        raise InputError(f"{folder}: no tables; run `dvc repro` or `dvc pull {folder}`")
    return names
