"""What maps draw on the ground: areas with holes, and lines."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final, Self

import numpy as np
import shapely

from cm3d.errors import InputError
from cm3d.geometry.arrays import NDArrayBool, NDArrayInt, NDArrayObject
from cm3d.geometry.ground_map import LINE_CLASSES, MAP_CLASSES, GroundMap
from cm3d.tables import layout, rules
from cm3d.tables.columns import Int, Text, Vector2
from cm3d.tables.contract import Fault
from cm3d.tables.index import Frames
from cm3d.tables.table import Table

AREA_POINTS: Final = 3  # at least
LINE_POINTS: Final = 2


@dataclass(frozen=True, eq=False)
class MapAreas(Table):
    """Shapes of one map, a row per point.

    Args:
        shape_index: Number of the shape; they are drawn in this order.
        ring_index: 0 for the outline of an area and for a line, from 1 on for holes of the area.
        point_index: Order of the point within its ring; rings close by themselves.
        class_name: One of `MAP_CLASSES`.
        position_m: x, y in the global frame.
    """

    sort_by: ClassVar[tuple[str, ...]] = ("shape_index", "ring_index", "point_index")
    key: ClassVar[tuple[str, ...]] = ("shape_index", "ring_index", "point_index")

    shape_index: Annotated[Int, rules.COUNT]
    ring_index: Annotated[Int, rules.COUNT]
    point_index: Annotated[Int, rules.COUNT]
    class_name: Annotated[Text, rules.one_of(MAP_CLASSES)]
    position_m: Annotated[Vector2, rules.POSITION]

    @classmethod
    def of_shapes(cls, shapes: Sequence[shapely.Geometry], class_names: Sequence[str]) -> Self:
        """The table of shapely polygons, and of line strings for `LINE_CLASSES`."""
        parts = []
        for number, (shape, name) in enumerate(zip(shapes, class_names, strict=True)):
            rings = [shape] if name in LINE_CLASSES else [shape.exterior, *shape.interiors]
            for ring_index, ring in enumerate(rings):
                points_m = shapely.get_coordinates(ring)
                points_m = points_m if name in LINE_CLASSES else points_m[:-1]
                count = len(points_m)
                part = cls.from_columns(
                    shape_index=np.full(count, number),
                    ring_index=np.full(count, ring_index),
                    point_index=np.arange(count),
                    class_name=[name] * count,
                    position_m=points_m,
                )
                parts.append(part)
        return cls.concatenate(parts)

    def ground_map(self) -> GroundMap:
        """The shapes, of a table without fault."""
        rows = self.sorted()
        ring, first = rows._rings()
        names, of_shape = rows.class_name[first], rows.shape_index[first]
        is_line, is_outline = _are_lines(names), rows.ring_index[first] == 0
        on_line, lines = is_line[ring], is_line[is_outline]
        shapes: NDArrayObject = np.empty(len(lines), dtype=object)
        if lines.any():
            shapes[lines] = shapely.linestrings(
                rows.position_m[on_line], indices=_numbered(ring[on_line])
            )
        if not lines.all():
            rings = shapely.linearrings(
                rows.position_m[~on_line], indices=_numbered(ring[~on_line])
            )
            shapes[~lines] = shapely.polygons(rings, indices=_numbered(of_shape[~is_line]))
        index = [MAP_CLASSES.index(name) for name in names[is_outline]]
        return GroundMap(shapes, np.array(index, dtype=np.int64))

    def fault(self) -> Fault | None:
        """Also shapes that are none."""
        return super().fault() or self._shape_fault()

    def _shape_fault(self) -> Fault | None:
        order = np.lexsort((self.point_index, self.ring_index, self.shape_index))
        rows = self[order]
        ring, first = rows._rings()
        shape_first = np.searchsorted(rows.shape_index, rows.shape_index)
        is_line = _are_lines(rows.class_name)
        too_few = np.bincount(ring)[ring] < np.where(is_line, LINE_POINTS, AREA_POINTS)
        faults = [
            ("class_name", "is not its shape's", rows.class_name != rows.class_name[shape_first]),
            ("ring_index", "is of a shape without ring 0", rows.ring_index[shape_first] != 0),
            ("ring_index", "is a hole, which no line has", is_line & (rows.ring_index > 0)),
            ("point_index", "is of an area of under 3 points, or a line of under 2", too_few),
        ]
        for name, reason, strange in faults:
            if strange.any():
                row = int(np.argmax(strange))
                return Fault(int(order[row]), name, f"{getattr(rows, name)[row]!r} {reason}")
        is_sound = shapely.is_valid(rows.ground_map().shapes)
        is_sound |= is_line[first[rows.ring_index[first] == 0]]
        if not is_sound.all():
            number = int(rows.shape_index[first[rows.ring_index[first] == 0]][~is_sound][0])
            row = int(np.argmax(self.shape_index == number))
            return Fault(row, "position_m", f"the outline of area {number} crosses itself")
        return None

    def _rings(self) -> tuple[NDArrayInt, NDArrayInt]:
        """Number of each row's ring (N,), and the first row of each ring; rows are sorted."""
        place = np.stack([self.shape_index, self.ring_index], axis=1)
        starts = np.append(True, (np.diff(place, axis=0) != 0).any(axis=1))[: len(self)]
        return np.cumsum(starts) - 1, np.flatnonzero(starts)


def read_ground_maps(
    frames: Frames, wanted_by: str, class_names: Collection[str] = ()
) -> dict[str, GroundMap]:
    """The maps of some keyframes, by location.

    Args:
        frames: Their `location` counts.
        wanted_by: What reads them, to name it in the message.
        class_names: That at least one of the maps must have.

    Raises:
        InputError: A keyframe is on no map, or one that draws nothing; or no map has a class.
    """
    locations = sorted(set(frames.location))
    if "" in locations:
        scene = frames.scene_name[frames.location == ""][0]
        raise InputError(
            f"{layout.FRAMES / f'{scene}.parquet'}: scene {scene} is on no map, but {wanted_by} "
            "reads what maps draw; give the data set one (docs/own_data.md) or do without"
        )
    maps = {}
    for location in locations:
        path = layout.MAP_AREAS / f"{location}.parquet"
        maps[location] = MapAreas.read(path).ground_map()
        if not len(maps[location].shapes):
            raise InputError(
                f"{path}: the map draws nothing, but {wanted_by} reads it; unpack nuScenes' map "
                "expansion v1.3, or give the data set areas (docs/own_data.md)"
            )
    found = set[str]().union(*(ground_map.classes() for ground_map in maps.values()))
    if missing := [name for name in class_names if name not in found]:
        raise InputError(
            f"{layout.MAP_AREAS}: no map of {', '.join(locations)} has a {', '.join(missing)}, "
            f"which {wanted_by} learns; give the data set such layers or do without"
        )
    return maps


def _are_lines(names: NDArrayObject) -> NDArrayBool:
    return np.array([name in LINE_CLASSES for name in names], dtype=bool)


def _numbered(numbers: NDArrayInt) -> NDArrayInt:
    """Ascending numbers (N,) as 0, 1, 2, ... without gaps."""
    return np.asarray(np.unique(numbers, return_inverse=True)[1])
