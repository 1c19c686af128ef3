"""Boxes and masks whose classes a stage must know, read where they come in."""

from pathlib import Path
from typing import Protocol, Self, TypeVar

from cm3d.geometry.arrays import NDArrayObject
from cm3d.tables.parquet import remedy
from cm3d.taxonomy import Taxonomy


class Classed(Protocol):
    """A table whose rows are of classes."""

    @property
    def class_name(self) -> NDArrayObject:
        """Of each row."""
        ...

    @classmethod
    def read(cls, path: Path) -> Self:
        """As of `Table`."""
        ...


ClassedT = TypeVar("ClassedT", bound=Classed)


def read_classed(table: type[ClassedT], path: Path, taxonomy: Taxonomy) -> ClassedT:
    """Read a file all of whose rows are of a class of the taxonomy.

    Raises:
        InputError: The file cannot be read, or a row is of another class; the message names it.
    """
    rows = table.read(path)
    taxonomy.check(rows.class_name, path, f"rebuild it with {remedy(path)}")
    return rows
