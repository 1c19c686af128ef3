"""Waymo's `Objects` file."""

from collections.abc import Collection, Iterator

from cm3d.export.protocol import File, Labels
from cm3d.tables.waymo_objects import encode
from cm3d.tables.waymo_submission import objects_of, waymo_types
from cm3d.taxonomy import Taxonomy


def class_names(taxonomy: Taxonomy) -> Collection[str]:
    """Classes that have a category of Waymo's."""
    return waymo_types(taxonomy.category_classes).keys()


def files(labels: Labels) -> Iterator[File]:
    """One file; scenes are drives."""
    types = waymo_types(labels.taxonomy.category_classes)
    yield "objects.bin", encode(objects_of(labels.boxes, labels.frames, types))
