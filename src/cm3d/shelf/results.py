"""What another program found on images: COCO's results, or tables of this project.

Entries that cannot be used are counted, not fatal; a file that is no such file is.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, Final, Generic, Self, TypeVar, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cm3d.errors import InputError
from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat, NDArrayInt, NDArrayObject
from cm3d.params import check_file
from cm3d.tables import Cameras
from cm3d.tables.contract import rules_of, shown
from cm3d.tables.table import Table, columns_of
from cm3d.tables.words import rows_by_word
from cm3d.taxonomy import Taxonomy

TableT = TypeVar("TableT", bound=Table)

# Why entries are of no use, as metrics name it.
MALFORMED: Final = "malformed_entries"
UNKNOWN_CATEGORY: Final = "entries_of_unknown_categories"
UNKNOWN_IMAGE: Final = "entries_on_unknown_images"

_FIRST_PX: Final = 2  # where boxes of shares lie, also those that leave their image


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


def refuse_shares(box_px: NDArrayFloat, path: Path) -> None:
    """Refuse boxes (N, 4) that are written as shares of their images; NaN is no box.

    Raises:
        InputError: They all lie about the first pixel, between its corners.
    """
    given = box_px[np.isfinite(box_px).all(axis=1)]
    if len(given) and np.abs(given).max() <= _FIRST_PX and np.any(given % 1):
        raise InputError(
            f"{path}: all boxes lie within the first {_FIRST_PX} pixels, as of coordinates from 0 "
            "to 1; write pixels of the stored images"
        )


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


def camera_tokens(names: Iterable[str], cameras: Cameras) -> NDArrayObject:
    """The image that each name means.

    Args:
        names: (N,) of images: camera tokens, paths of files from the data set's root, or the
            files' own names where no two images of the data set share one.
        cameras: All images of the data set.

    Returns:
        (N,) camera tokens; "" where a name means no image.
    """
    tokens, paths = cameras.camera_token, [str(PurePosixPath(path)) for path in cameras.path]
    stems = [PurePosixPath(path).name for path in paths]
    common = {name for name, count in Counter(stems).items() if count > 1}
    known = {name: token for name, token in zip(stems, tokens, strict=True) if name not in common}
    known |= dict(zip(paths, tokens, strict=True)) | dict(zip(tokens, tokens, strict=True))
    return np.array([known.get(name, "") for name in names], dtype=object)


def usable(
    entries: Entries[TableT], taxonomy: Taxonomy, cameras: Cameras, source: tuple[Path, str]
) -> Results[TableT]:
    """The rows that are whole, of a class of the taxonomy and on an image of the data set.

    Args:
        entries: Have the columns `class_name` and `camera_token`, this one any name of an image.
        taxonomy: The classes.
        cameras: All images of the data set.
        source: The file, and the parameter that names it.

    Returns:
        These, with camera tokens.

    Raises:
        InputError: There are entries, and none is left.
    """
    rows, number, malformed = cast(Any, entries.rows), entries.number, entries.malformed
    token = camera_tokens(rows.camera_token, cameras)
    is_whole = ~np.isin(number, list(malformed))
    is_named = np.isin(rows.class_name, taxonomy.class_names)
    unnamed, unplaced = is_whole & ~is_named, is_whole & is_named & (token == "")
    first = {}
    if malformed:
        first[MALFORMED] = f"entry {min(malformed)}: {malformed[min(malformed)]}"
    if unnamed.any():
        row = int(np.argmax(unnamed))
        first[UNKNOWN_CATEGORY] = f"entry {number[row]}: {shown(rows.class_name[row])}"
    if unplaced.any():
        row = int(np.argmax(unplaced))
        first[UNKNOWN_IMAGE] = f"entry {number[row]}: {shown(rows.camera_token[row])}"
    kept = is_whole & is_named & (token != "")
    if (total := len(rows) + len(set(malformed) - set(number.tolist()))) and not kept.any():
        path, key = source
        raise InputError(
            f"{path}: none of its {total} entries is whole, of a class of taxonomy "
            f"{taxonomy.name} and on an image of the data set ({'; '.join(first.values())}); "
            f"correct {key}"
        )
    counts = {
        MALFORMED: len(malformed),
        UNKNOWN_CATEGORY: int(unnamed.sum()),
        UNKNOWN_IMAGE: int(unplaced.sum()),
    }
    return Results(rows[kept].replace(camera_token=token[kept]), Unused(counts, first))


def rows_by_image(camera_token: NDArrayObject) -> dict[str, NDArrayInt]:
    """Which rows are on each image, ascending."""
    tokens = list(dict.fromkeys(camera_token))
    return dict(zip(tokens, rows_by_word(camera_token, tokens), strict=True))


def say_unused(file: str, unused: Unused) -> None:
    """Print a line per reason for which entries are of no use, and the first of each."""
    for reason, count in unused.items():
        if count:
            first = f", first {unused.first[reason]}" if reason in unused.first else ""
            print(f"note: {file}: left out {count} {reason.replace('_', ' ')}{first}")
