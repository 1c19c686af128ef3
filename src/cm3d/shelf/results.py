"""What another program found on images: COCO's results, or tables of this project.

Entries that cannot be used are counted, not fatal; a file that is no such file is.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final, Generic, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cm3d.errors import InputError
from cm3d.geometry.arrays import NDArrayBool, NDArrayInt, NDArrayObject
from cm3d.params import check_file, read_json
from cm3d.tables import Cameras
from cm3d.tables.table import Table, columns_of
from cm3d.tables.words import rows_by_word
from cm3d.taxonomy import Taxonomy

TableT = TypeVar("TableT", bound=Table)

# Why entries are of no use, as metrics name it.
MALFORMED: Final = "malformed_entries"
UNKNOWN_CATEGORY: Final = "entries_of_unknown_categories"
UNKNOWN_IMAGE: Final = "entries_on_unknown_images"

_FARTHEST_PX: Final = 1e9  # JSON knows integers that no float holds


@dataclass(frozen=True, eq=False)
class Results(Generic[TableT]):
    """The usable rows of a file.

    Args:
        rows: In the order of the file.
        unused: How many entries are none of them, by reason.
    """

    rows: TableT
    unused: dict[str, int]


def is_tables(path: Path) -> bool:
    """Whether a path names tables, and not COCO's results."""
    return path.is_dir() or path.suffix == ".parquet"


def read_coco_results(path: Path, key: str) -> list[Any]:
    """Read the entries of a JSON file, whatever they are.

    Args:
        path: The file.
        key: The parameter that names it, for errors.

    Raises:
        InputError: The file is missing or no list of results.
    """
    entries = read_json(path, key)
    if not isinstance(entries, list):
        raise InputError(f"{path}: no list of COCO results; write it again")
    return entries


def is_scored(entry: Any) -> bool:
    """Whether an entry of COCO's results has an image, a category and a score in [0, 1]."""
    return (
        isinstance(entry, dict)
        and type(entry.get("image_id")) in (str, int)
        and type(entry.get("category_id")) is int
        and type(entry.get("score")) in (int, float)
        and 0 <= entry["score"] <= 1
    )


def is_box(bbox: Any) -> bool:
    """Whether this is COCO's x, y, width, height."""
    if not isinstance(bbox, list) or len(bbox) != 4:
        return False
    if not all(type(number) in (int, float) and abs(number) <= _FARTHEST_PX for number in bbox):
        return False
    return bool(bbox[2] >= 0 and bbox[3] >= 0)


def names_of_categories(category_ids: Iterable[int], taxonomy: Taxonomy) -> list[str]:
    """Class of each category, which count from 1 in the taxonomy's order; "" for others."""
    names = dict(enumerate(taxonomy.class_names, start=1))
    return [names.get(category_id, "") for category_id in category_ids]


def read_tables(kind: type[TableT], path: Path, key: str) -> tuple[TableT, int]:
    """Read one Parquet file, or every one of a folder (one per scene, as stages write them).

    Args:
        kind: The table.
        path: The file or the folder.
        key: The parameter that names it, for errors.

    Returns:
        The rows, and how many others lack a value.

    Raises:
        InputError: There is no such file, or it has no such table.
    """
    files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    if not files:
        raise InputError(f"{path}: no Parquet files; correct {key}")
    tables = [_read(kind, file, key) for file in files]
    whole = [table.drop_null() for table in tables]
    rows = [
        kind(**{name: column.to_numpy(table[name]) for name, column in columns_of(kind).items()})
        for table in whole
    ]
    return kind.concatenate(rows), sum(map(len, tables)) - sum(map(len, whole))


def _read(kind: type[Table], path: Path, key: str) -> pa.Table:
    schema = kind.schema()
    check_file(path, f"correct {key}")
    try:
        return pq.read_table(path, partitioning=None).select(schema.names).cast(schema)
    except (OSError, KeyError, ValueError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())
        what = f"no table of {kind.__name__}: {reason}"
        raise InputError(f"{path}: {what}; write it again") from error


def camera_tokens(names: Sequence[str], cameras: Cameras) -> NDArrayObject:
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
    rows: TableT,
    is_whole: NDArrayBool,
    malformed: int,
    taxonomy: Taxonomy,
    cameras: Cameras,
    source: tuple[Path, str],
) -> Results[TableT]:
    """The rows that are whole, of a class of the taxonomy and on an image of the data set.

    Args:
        rows: Have the columns `class_name` and `camera_token`, this one any name of an image.
        is_whole: (N,) which rows have values that can be used.
        malformed: Entries that were dropped before.
        taxonomy: The classes.
        cameras: All images of the data set.
        source: The file, and the parameter that names it.

    Returns:
        These, with camera tokens.

    Raises:
        InputError: There are entries, and none is left.
    """
    whole: Any = rows[is_whole]
    named = whole[np.isin(whole.class_name, taxonomy.class_names)]
    placed = named.replace(camera_token=camera_tokens(named.camera_token, cameras))
    kept = placed[placed.camera_token != ""]
    if (total := malformed + len(rows)) and not len(kept):
        path, key = source
        raise InputError(
            f"{path}: none of its {total} entries is whole, of a class of taxonomy "
            f"{taxonomy.name} and on an image of the data set; correct {key}"
        )
    unused = {
        MALFORMED: malformed + len(rows) - len(whole),
        UNKNOWN_CATEGORY: len(whole) - len(named),
        UNKNOWN_IMAGE: len(named) - len(kept),
    }
    return Results(kept, unused)


def rows_by_image(camera_token: NDArrayObject) -> dict[str, NDArrayInt]:
    """Which rows are on each image, ascending."""
    tokens = list(dict.fromkeys(camera_token))
    return dict(zip(tokens, rows_by_word(camera_token, tokens), strict=True))


def say_unused(file: str, unused: Mapping[str, int]) -> None:
    """Print a line per reason for which entries are of no use."""
    for reason, count in unused.items():
        if count:
            print(f"note: {file}: left out {count} {reason.replace('_', ' ')}")
