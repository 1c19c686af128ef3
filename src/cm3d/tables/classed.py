"""Boxes and masks whose classes a stage must know, read where they come in."""

from pathlib import Path
from typing import TypeVar

from cm3d.tables.boxes import Boxes2D, Boxes3D
from cm3d.tables.masks import Masks
from cm3d.tables.parquet import remedy
from cm3d.taxonomy import Taxonomy

ClassedT = TypeVar("ClassedT", bound=Boxes2D | Boxes3D | Masks)


def read_classed(table: type[ClassedT], path: Path, taxonomy: Taxonomy) -> ClassedT:
    """Read a file all of whose rows are of a class of the taxonomy.

    Raises:
        InputError: The file cannot be read, or a row is of another class; the message names it.
    """
    rows = table.read(path)
    taxonomy.check(rows.class_name, path, f"rebuild it with {remedy(path)}")
    return rows
