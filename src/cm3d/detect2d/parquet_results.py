"""Detections in the project's own table, written by anybody."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from cm3d.errors import InputError
from cm3d.tables import Boxes2D
from cm3d.tables.table import columns_of


def read_parquet_results(path: Path) -> tuple[Boxes2D, int]:
    """Read one file, or every file of a folder (one per scene, as the stage writes them).

    Returns:
        The detections and how many rows lack a value. Values are not checked.

    Raises:
        InputError: There is no such file, or it has no such table.
    """
    files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    if not files:
        raise InputError(f"{path}: no Parquet files; correct detect2d.precomputed_file")
    tables = [_read(file) for file in files]
    whole = [table.drop_null() for table in tables]
    lost = sum(map(len, tables)) - sum(map(len, whole))
    return Boxes2D.concatenate(map(_as_boxes, whole)), lost


def _read(path: Path) -> pa.Table:
    schema = Boxes2D.schema()
    try:
        return pq.read_table(path, partitioning=None).select(schema.names).cast(schema)
    except FileNotFoundError as error:
        raise InputError(f"{path}: missing; correct detect2d.precomputed_file") from error
    except (OSError, KeyError, ValueError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: no table of detections: {reason}; write it again") from error


def _as_boxes(table: pa.Table) -> Boxes2D:
    return Boxes2D(**{name: col.to_numpy(table[name]) for name, col in columns_of(Boxes2D).items()})
