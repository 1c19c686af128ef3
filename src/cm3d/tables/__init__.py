"""The schemas of what stages exchange."""

from cm3d.tables.boxes2d import Boxes2D
from cm3d.tables.boxes3d import Boxes3D, GroundTruth
from cm3d.tables.index import Cameras, Frames, Lanes, Sweeps
from cm3d.tables.masks import Masks
from cm3d.tables.table import (
    NDArrayBool,
    NDArrayFloat,
    NDArrayInt,
    NDArrayObject,
    Table,
    read_scenes,
    scene_names,
)

__all__ = [
    "Boxes2D",
    "Boxes3D",
    "Cameras",
    "Frames",
    "GroundTruth",
    "Lanes",
    "Masks",
    "NDArrayBool",
    "NDArrayFloat",
    "NDArrayInt",
    "NDArrayObject",
    "Sweeps",
    "Table",
    "read_scenes",
    "scene_names",
]
