"""Parquet files of this project, read against a schema."""

import re
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cm3d.errors import InputError
from cm3d.params import check_file
from cm3d.tables import rules

VERSION_KEY: Final = b"cm3d.schema_version"
FIRST_VERSION: Final = 1  # of the files that carry none

_STAGES: Final = {
    "index": "download",
    "boxes2d": "detect2d",
    "masks": "segment",
    "lifted": "lift",
    "lift_explained": "lift",
    "imported": "import",
    "sam3d": "sam3d",
    "pseudo_labels": "fuse",
}
_DATA: Final = "data"
# Which table of the index knows all values of a column that others refer by.
_FRAME: Final = "sample_token"
_IMAGE: Final = "camera_token"
_KNOWN_BY: Final = {_FRAME: "frames", _IMAGE: "cameras"}
_SIZE: Final = ("width_px", "height_px")


def remedy(path: Path) -> str:
    """The command that makes a file anew, by the folder below `data` that it lies in."""
    parts = path.parts
    below = parts[parts.index(_DATA) + 1 :] if _DATA in parts else ()
    folder = below[0] if len(below) > 1 else ""
    stage = _STAGES.get(folder, "")
    if folder == "predictions":
        stage = f"predict@{below[1]}"
    elif folder == "models":
        stage = below[1]
    elif found := re.fullmatch(r"pseudo_labels_(r\d+)", folder):
        stage = f"relabel_{found[1]}"
    return f"`dvc repro {stage}`" if stage else "`dvc repro`"


def versioned(schema: pa.Schema, version: int) -> pa.Schema:
    """The schema with its version in the metadata, but for the first one's."""
    if version == FIRST_VERSION:
        return schema
    return schema.with_metadata({VERSION_KEY: str(version).encode()})


def read_parquet(path: Path, schema: pa.Schema, version: int) -> pa.Table:
    """Read a file whose columns have exactly the types of a schema, and no nulls.

    Args:
        path: The file.
        schema: Columns and their types.
        version: That the file must have.

    Raises:
        InputError: The file is missing, no file, unreadable, of another version or of other
            columns.
    """
    again = f"rebuild it with {remedy(path)}"
    _refuse_others(path)
    try:
        table = pq.read_table(path, partitioning=None)
    except FileNotFoundError as error:
        raise InputError(f"{path}: missing; run {remedy(path)} or `dvc pull {path}`") from error
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path}: not a readable Parquet file; {again}") from error
    found = (table.schema.metadata or {}).get(VERSION_KEY, str(FIRST_VERSION).encode())
    if found != str(version).encode():
        raise InputError(
            f"{path}: schema version {found.decode(errors='replace')[:20]}, this code knows "
            f"{version}; {again}"
        )
    if missing := [name for name in schema.names if name not in table.column_names]:
        raise InputError(f"{path}: column {missing[0]!r} is missing; {again}")
    if extra := [name for name in table.column_names if name not in schema.names]:
        raise InputError(f"{path}: column {extra[0][:60]!r} is unknown; {again}")
    if len(table.column_names) > len(schema.names):
        raise InputError(f"{path}: a column stands there twice; {again}")
    for name in schema.names:
        if table.schema.field(name).type != schema.field(name).type:
            types = f"{table.schema.field(name).type}, expected {schema.field(name).type}"
            raise InputError(f"{path}: column {name!r} is of type {types}; {again}")
        if (row := _first_null(table[name])) is not None:
            raise InputError(f"{path}: row {row}, column {name!r}: no value; {again}")
    return table


def read_texts(path: Path, name: str) -> list[str]:
    """One column of texts of a file whose other columns are not looked at.

    Raises:
        InputError: The file is unreadable, or has no such column of texts without nulls.
    """
    again = f"rebuild it with {remedy(path)}"
    _refuse_others(path)
    try:
        is_there = name in pq.read_schema(path).names
        file = pq.read_table(path, partitioning=None, columns=[name] if is_there else [])
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path}: not a readable Parquet file; {again}") from error
    if not is_there:
        raise InputError(f"{path}: column {name!r} is missing; {again}")
    column = file[name]
    if column.type != pa.string() or column.null_count:
        raise InputError(f"{path}: column {name!r} holds something else than texts; {again}")
    return [str(text) for text in column.to_pylist()]


def _refuse_others(path: Path) -> None:
    """Refuse what is there and no file: of a folder Arrow would read all files, a pipe never ends.

    Raises:
        InputError: It is one.
    """
    if path.exists():
        check_file(path, f"delete it and run {remedy(path)}")


def _first_null(column: pa.ChunkedArray) -> int | None:
    width = getattr(column.type, "list_size", 1)
    values = pc.list_flatten(column) if width > 1 and not column.null_count else column
    if not values.null_count:
        return None
    return int(pc.index(pc.is_null(values), True).as_py()) // (width if values is not column else 1)


def check_references(path: Path, table: pa.Table) -> None:
    """Check that a scene's file refers to keyframes and images of the scene's index.

    Args:
        path: The file; without an index beside it nothing is checked.
        table: Its rows.

    Raises:
        InputError: It refers to others, or to an image as one of another keyframe or shape.
    """
    data = next((parent for parent in path.parents if parent.name == _DATA), None)
    if data is None:
        return
    for name in [name for name in _KNOWN_BY if name in table.column_names]:
        index = data / "index" / _KNOWN_BY[name] / path.name
        if index == path or not index.is_file():
            continue
        of_image = {_FRAME, *_SIZE} & set(table.column_names) if name == _IMAGE else set()
        try:
            known = pq.read_table(index, partitioning=None, columns=[name, *of_image])
        except (OSError, pa.ArrowException):
            continue  # who reads that table is told
        place = pc.index_in(table[name], value_set=known[name])
        if place.null_count:
            raise _misled(path, table, name, pc.is_null(place), f"is not in {index}")
        if of_image:
            _check_images(path, table, known.take(place.combine_chunks()), index)


def _check_images(path: Path, table: pa.Table, images: pa.Table, index: Path) -> None:
    """Check what rows say of their images, as far as they do: the keyframe and the shape."""
    if _FRAME in images.column_names:
        is_other = pc.not_equal(images[_FRAME], table[_FRAME])
        if pc.any(is_other, min_count=0).as_py():
            reason = f"is not the keyframe of its {_IMAGE} in {index}"
            raise _misled(path, table, _FRAME, is_other, reason)
    if set(_SIZE) <= set(images.column_names):
        masks_px, images_px = ([at[name].to_numpy() for name in _SIZE] for at in (table, images))
        is_other = pa.array(~rules.span_images(*masks_px, *images_px))
        if pc.any(is_other, min_count=0).as_py():
            reason = f"is not that of its image in {index}, scaled as the width is"
            raise _misled(path, table, _SIZE[1], is_other, reason)


def _misled(
    path: Path, table: pa.Table, name: str, strange: pa.ChunkedArray, reason: str
) -> InputError:
    row = int(pc.index(strange, True).as_py())
    place = f"{path}: row {row}, column {name!r}: {table[name][row].as_py()!r:.62}"
    return InputError(f"{place} {reason}; rebuild it with {remedy(path)}")
