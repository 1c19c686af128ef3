"""The schemas of what stages exchange."""

from cm3d.tables.boxes import Boxes2D, Boxes3D, GroundTruth
from cm3d.tables.explanations import Explanations
from cm3d.tables.index import Cameras, Frames, Lanes, Sweeps
from cm3d.tables.masks import Masks
from cm3d.tables.table import (
    Table,
    read_scenes,
    scene_names,
)

__all__ = [
    "Boxes2D",
    "Boxes3D",
    "Cameras",
    "Explanations",
    "Frames",
    "GroundTruth",
    "Lanes",
    "Masks",
    "Sweeps",
    "Table",
    "read_scenes",
    "scene_names",
]
