"""PandaSet's tables: data frames that pandas has pickled and gzip has compressed."""

import gzip
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from cm3d.datasets.pandaset.arrays import Values, array_of
from cm3d.datasets.pandaset.pickles import Made, Named, describe
from cm3d.errors import InputError
from cm3d.geometry.arrays import NDArrayFloat, NDArrayObject
from cm3d.params import check_file
from cm3d.tables.contract import shown

AGAIN: Final = "fetch the file again"

_MOST_BYTES: Final = 1 << 26  # of one table; a sweep of both LiDARs has some 8 MB

# What pickles of data frames name, by pandas 0.24 to 3 and numpy 1 and 2.
_KNOWN: Final[Mapping[str, str]] = {
    f"{module} {name}": kind
    for kind, modules, names in (
        ("frame", ("pandas.core.frame", "pandas"), ("DataFrame",)),
        (
            "manager",
            ("pandas.core.internals.managers", "pandas.core.internals"),
            ("BlockManager",),
        ),
        ("block", ("pandas._libs.internals",), ("_unpickle_block",)),
        ("new block", ("pandas.core.internals.blocks",), ("new_block",)),
        ("partial", ("functools",), ("partial",)),
        ("new index", ("pandas.core.indexes.base",), ("_new_Index",)),
        (
            "index",
            (
                *("pandas", "pandas.core.indexes.base", "pandas.core.indexes.range"),
                "pandas.core.indexes.numeric",
            ),
            ("Index", "RangeIndex", "Int64Index", "UInt64Index", "Float64Index"),
        ),
        ("arrow strings", ("pandas.arrays",), ("ArrowStringArray",)),
        ("arrow strings", ("pandas.core.arrays.string_arrow",), ("ArrowStringArray",)),
        ("string type", ("pandas", "pandas.core.arrays.string_"), ("StringDtype",)),
        ("arrow array", ("pyarrow.lib",), ("_restore_array",)),
        ("arrow type", ("pyarrow.lib",), ("type_for_alias",)),
        ("buffer", ("pyarrow.lib",), ("py_buffer",)),
        ("reconstruct", ("numpy.core.multiarray", "numpy._core.multiarray"), ("_reconstruct",)),
        ("scalar", ("numpy.core.multiarray", "numpy._core.multiarray"), ("scalar",)),
        ("frombuffer", ("numpy.core.numeric", "numpy._core.numeric"), ("_frombuffer",)),
        ("array", ("numpy",), ("ndarray",)),
        ("dtype", ("numpy",), ("dtype",)),
        ("slice", ("builtins", "__builtin__"), ("slice",)),
        ("bytes", ("builtins", "__builtin__"), ("bytes",)),
        ("bytearray", ("builtins", "__builtin__"), ("bytearray",)),
        ("encode", ("_codecs",), ("encode",)),
    )
    for module in modules
    for name in names
}


@dataclass(frozen=True, eq=False)
class Frame:
    """One table.

    Args:
        path: Its file, for messages.
        columns: Arrays (N,) by name; texts are arrays of objects.
    """

    path: Path
    columns: Mapping[str, Values]

    def __len__(self) -> int:
        """Rows."""
        return len(next(iter(self.columns.values()), ()))

    def floats(self, *names: str) -> NDArrayFloat:
        """Columns of finite numbers, (N, len(names)).

        Raises:
            InputError: One is missing, or has other values.
        """
        columns = [self._column(name) for name in names]
        for name, values in zip(names, columns, strict=True):
            if values.dtype.kind not in "iuf":
                raise InputError(f"{self.path}: column {name} has no numbers; {AGAIN}")
            self._refuse(name, values, np.isfinite(values), "a finite number")
        return np.stack(columns, axis=1).astype(np.float64)

    def texts(self, name: str) -> NDArrayObject:
        """A column of printable texts, (N,).

        Raises:
            InputError: It is missing, or has other values.
        """
        values = self._column(name).astype(object)
        sound = [type(value) is str and value != "" and value.isprintable() for value in values]
        self._refuse(name, values, np.array(sound, dtype=bool), "a printable text")
        return np.asarray(values)

    def texts_or_empty(self, name: str) -> NDArrayObject:
        """A column that may be missing, as a whole or in rows: (N,) of texts, then empty."""
        values = self.columns.get(name, np.full(len(self), "", dtype=object))
        texts = np.empty(len(self), dtype=object)
        texts[:] = [value if type(value) is str else "" for value in values.tolist()]
        return texts

    def _column(self, name: str) -> Values:
        if name not in self.columns:
            there = shown(", ".join(self.columns))
            raise InputError(f"{self.path}: no column {name}, only {there}; {AGAIN}")
        return self.columns[name]

    def _refuse(self, name: str, values: Values, is_sound: Values, wanted: str) -> None:
        if not is_sound.all():
            row = int(np.argmin(is_sound))
            raise InputError(
                f"{self.path}: row {row}: {name} is {shown(values[row])}, not {wanted}; {AGAIN}"
            )


def read_frame(path: Path) -> Frame:
    """Read one table; nothing in the file is run.

    Raises:
        InputError: The file is missing, damaged, too large, or no pickled data frame.
    """
    check_file(path, AGAIN)
    try:
        with gzip.open(path) as file:
            content = file.read(_MOST_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: cannot be unpacked ({reason}); {AGAIN}") from error
    if len(content) > _MOST_BYTES:
        raise InputError(f"{path}: over {_MOST_BYTES} bytes unpacked, more than a table; {AGAIN}")
    try:
        return Frame(path, _columns_of(describe(content, _KNOWN)))
    except (ValueError, TypeError, LookupError, OverflowError) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(f"{path}: no table of PandaSet: {reason}; {AGAIN}") from error


def _columns_of(described: Any) -> dict[str, Values]:
    """Arrays by column of a described data frame: blocks hold the columns of one type each."""
    match described:
        case Made("frame", (), {"_mgr": Made("manager") as manager}):
            axes, blocks = _parts(manager)
        case Made("frame", (), {"_data": Made("manager") as manager}):
            axes, blocks = _parts(manager)
        case _:
            raise ValueError("it holds no data frame")
    names = _names(axes[0])
    columns: dict[str, Values] = {}
    for values, placement in blocks:
        array = array_of(values)
        rows = array[None] if array.ndim == 1 else array
        places = _places(placement, len(names))
        if rows.ndim != 2 or len(rows) != len(places):
            raise ValueError("a block of columns has another shape than its place")
        columns |= {names[place]: row for place, row in zip(places, rows, strict=True)}
    lengths = {len(values) for values in columns.values()}
    if len(columns) != len(names) or len(lengths) > 1:
        raise ValueError("columns are missing, stand twice or differ in length")
    return {name: columns[name] for name in names}


def _parts(manager: Made) -> tuple[Sequence[Any], list[tuple[Any, Any]]]:
    """Axes, and values and placement of each block: as pandas from 1.3 on or before has them."""
    match manager:
        case Made(_, (blocks, axes)):
            return axes, [_block(block) for block in blocks]
        case Made(_, (), (_, _, _, {"0.14.1": {"axes": axes, "blocks": blocks}})):
            return axes, [(block["values"], block["mgr_locs"]) for block in blocks]
    raise ValueError("its blocks are of a pandas that is not known")


def _block(described: Any) -> tuple[Any, Any]:
    match described:
        case Made("block", (values, placement, 2)):
            return values, placement
        # pandas 1.3
        case Made("call", (Made("partial", (Named("new block"),)), values, placement)):
            return values, placement
    raise ValueError("it has a block that is none")


def _names(axis: Any) -> list[str]:
    match axis:
        case Made("new index", (Named("index"), {"data": data})):
            names: list[str] = array_of(data).tolist()
            if all(type(name) is str for name in names):
                return names
    raise ValueError("its columns have no names")


def _places(placement: Any, count: int) -> list[int]:
    match placement:
        case Made("slice", (int(start), int(stop), int() | None as step)):
            return list(range(count))[start:stop:step]
        case Made("reconstruct" | "frombuffer"):
            places: list[int] = array_of(placement).tolist()
            return places
    raise ValueError("a block of columns has no place")
