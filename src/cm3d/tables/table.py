"""A table: a frozen dataclass of columns that is written as one Parquet file.

A subclass declares its columns by type alone::

    @dataclass(frozen=True, eq=False)
    class Boxes2D(Table):
        camera_token: Text
        score: Float

In memory a column is a numpy array of shape (rows,) or (rows, width). On disk the same rows
give the same bytes: rows are sorted by the table's key, the schema is fixed, compression is
zstd, and nothing depends on the time.
"""

import dataclasses
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self, TypeVar, get_type_hints

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cm3d.errors import InputError
from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat, NDArrayInt, NDArrayObject


@dataclass(frozen=True)
class Column:
    """How one column is stored.

    Args:
        arrow_type: Type of one element on disk.
        dtype: Type of one element in memory.
        width: Elements per row; 1 gives a flat column.
    """

    arrow_type: pa.DataType
    dtype: type
    width: int = 1

    @property
    def storage_type(self) -> pa.DataType:
        """The Arrow type of a whole row."""
        return self.arrow_type if self.width == 1 else pa.list_(self.arrow_type, self.width)

    def from_numpy(self, values: np.ndarray[Any, Any]) -> pa.Array:
        """Encode a (rows,) or (rows, width) array."""
        if self.width == 1:
            return pa.array(values.tolist() if self.dtype is object else values, self.arrow_type)
        flat = pa.array(np.ascontiguousarray(values).reshape(-1), self.arrow_type)
        return pa.FixedSizeListArray.from_arrays(flat, self.width)

    def to_numpy(self, values: pa.ChunkedArray) -> np.ndarray[Any, Any]:
        """Decode into a (rows,) or (rows, width) array."""
        chunk = values.combine_chunks()
        if self.width == 1:
            if self.dtype is object:
                return _objects(chunk.to_pylist())
            return np.asarray(chunk.to_numpy(zero_copy_only=False), dtype=self.dtype)
        flat = chunk.flatten().to_numpy(zero_copy_only=False)
        return np.asarray(flat, dtype=self.dtype).reshape(-1, self.width)


Text = Annotated[NDArrayObject, Column(pa.string(), object)]
Binary = Annotated[NDArrayObject, Column(pa.binary(), object)]
Int = Annotated[NDArrayInt, Column(pa.int64(), np.int64)]
Bool = Annotated[NDArrayBool, Column(pa.bool_(), np.bool_)]
Float = Annotated[NDArrayFloat, Column(pa.float64(), np.float64)]
Vector2 = Annotated[NDArrayFloat, Column(pa.float64(), np.float64, 2)]
Vector3 = Annotated[NDArrayFloat, Column(pa.float64(), np.float64, 3)]
Vector4 = Annotated[NDArrayFloat, Column(pa.float64(), np.float64, 4)]
Pose = Annotated[NDArrayFloat, Column(pa.float64(), np.float64, 7)]
Matrix3 = Annotated[NDArrayFloat, Column(pa.float64(), np.float64, 9)]


@dataclass(frozen=True, eq=False)
class Table:
    """Base of all tables; see the module's docstring.

    Raises:
        InputError: Columns of unequal length or wrong width.
    """

    sort_by: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        """Cast every column to its declared type and check its shape."""
        for name, column in columns_of(type(self)).items():
            object.__setattr__(self, name, _shaped(getattr(self, name), name, column))
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
        return pa.schema([(name, col.storage_type) for name, col in columns_of(cls).items()])

    def write(self, path: Path) -> None:
        """Write the sorted rows to one Parquet file, whole or not at all.

        Raises:
            InputError: The folder cannot be written.
        """
        rows = self.sorted()
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
            raise InputError(f"{path}: cannot be written ({error.strerror}); free it") from error

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read one Parquet file.

        Raises:
            InputError: The file is missing, unreadable or lacks a column.
        """
        try:
            table = pq.read_table(path, partitioning=None)
        except FileNotFoundError as error:
            raise InputError(f"{path}: missing; run `dvc repro` or `dvc pull {path}`") from error
        except (OSError, pa.ArrowException) as error:
            raise InputError(f"{path}: not a readable Parquet file; rerun its stage") from error
        missing = [name for name in columns_of(cls) if name not in table.column_names]
        if missing:
            raise InputError(f"{path}: column {missing[0]!r} is missing; rerun its stage")
        return cls(**{n: col.to_numpy(table[n]) for n, col in columns_of(cls).items()})


def columns_of(table: Any) -> dict[str, Column]:
    """The columns that a table class declares, in order."""
    return _declared_columns(table)


@cache
def _declared_columns(table: Any) -> dict[str, Column]:
    hints = get_type_hints(table, include_extras=True)
    return {f.name: hints[f.name].__metadata__[0] for f in dataclasses.fields(table)}


TableT = TypeVar("TableT", bound=Table)


def read_scenes(table: type[TableT], folder: Path, scenes: Iterable[str]) -> TableT:
    """Read and stack the files of several scenes, `<folder>/<scene>.parquet` each."""
    return table.concatenate(table.read(folder / f"{scene}.parquet") for scene in scenes)


def scene_names(folder: Path) -> list[str]:
    """The scenes that have a file in `folder`, sorted.

    Raises:
        InputError: There is none.
    """
    names = sorted(path.stem for path in folder.glob("*.parquet"))
    if not names:
        raise InputError(f"{folder}: no tables; run `dvc repro` or `dvc pull {folder}`")
    return names


def _shaped(values: Any, name: str, column: Column) -> np.ndarray[Any, Any]:
    if column.dtype is object:
        array = values if _is_objects(values) else _objects(list(values))
    else:
        try:
            array = np.asarray(values, dtype=column.dtype)
        except (TypeError, ValueError, OverflowError) as error:
            raise InputError(f"column {name!r}: no numbers of one shape ({error})") from error
    if column.width > 1:
        array = array.reshape(0, column.width) if array.size == 0 else array
    expected = (len(array),) if column.width == 1 else (len(array), column.width)
    if array.shape != expected:
        raise InputError(f"column {name!r}: shape {array.shape}, expected {expected}")
    return array


def _is_objects(values: Any) -> bool:
    return isinstance(values, np.ndarray) and values.dtype == object


def _objects(values: list[Any]) -> np.ndarray[Any, Any]:
    """A flat object array; numpy would turn a list of equal-length strings into fixed width."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array
