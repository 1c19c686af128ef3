"""What a map draws on the ground, and masks of it around a sensor.

Drawn as nuScenes-devkit's `get_map_mask` draws, so that figures compare with published ones:
corners of areas are rounded to whole pixels, those of lines cut, lines are two pixels wide. A mask
of areas thereby lies half a pixel towards +x and +y of what it shows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import cv2
import numpy as np
import shapely

from cm3d.geometry.arrays import NDArrayBool, NDArrayByte, NDArrayFloat, NDArrayInt, NDArrayObject

# BEVFusion's classes; dividers are lines, all others areas.
MAP_CLASSES: Final = (
    "drivable_area",
    "ped_crossing",
    "walkway",
    "stop_line",
    "carpark_area",
    "divider",
)
LINE_CLASSES: Final = frozenset({"divider"})

# Masks show a square around the sensor, BEVFusion's.
MASK_RANGE_M: Final = 50.0
MASK_CELL_M: Final = 0.5
MASK_SIZE: Final = 200

_LINE_PX: Final = 2
# A line that ends at the square's edge ends in its last pixel, whatever was rounded on the way.
_EDGE_PX: Final = 1e-6


@dataclass(frozen=True, eq=False)
class GroundMap:
    """The shapes of one map.

    Args:
        shapes: (N,) shapely polygons, and line strings of `LINE_CLASSES`; metres, global frame.
        class_index: (N,) of each in `MAP_CLASSES`.
    """

    shapes: NDArrayObject
    class_index: NDArrayInt

    @cached_property
    def _tree(self) -> shapely.STRtree:
        return shapely.STRtree(self.shapes)

    def classes(self) -> set[str]:
        """The classes that it has a shape of."""
        return {MAP_CLASSES[index] for index in np.unique(self.class_index)}

    def masks(
        self, global_SE3_lidar: NDArrayFloat, lidar_augmentation: NDArrayFloat
    ) -> NDArrayBool:
        """Masks (classes, rows, columns) of the square around the sensor.

        Rows run along y, columns along x, both from -`MASK_RANGE_M`, as in `cm3d.detectors.grid`.
        The map is flat: of the sensor's pose x, y and the heading of its x axis count. Mirror,
        rotation, shift and scale of the scene are followed; BEVFusion leaves out the scale.

        Args:
            global_SE3_lidar: (4, 4).
            lidar_augmentation: (4, 4) from the LiDAR frame to that of the masks; no tilt.
        """
        matrix, shift_m = _plane_from_global(global_SE3_lidar, lidar_augmentation)
        corners_m = MASK_RANGE_M * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
        seen = shapely.Polygon((corners_m - shift_m) @ np.linalg.inv(matrix).T)
        rows = np.sort(self._tree.query(seen))

        def in_plane(global_m: NDArrayFloat) -> NDArrayFloat:
            return global_m @ matrix.T + shift_m

        square = shapely.Polygon(corners_m)
        near = shapely.intersection(shapely.transform(self.shapes[rows], in_plane), square)
        masks = np.zeros((len(MAP_CLASSES), MASK_SIZE, MASK_SIZE), dtype=np.uint8)
        for index, shape in zip(self.class_index[rows].tolist(), near, strict=True):
            if MAP_CLASSES[index] in LINE_CLASSES:
                _draw_lines(masks[index], shape)
            else:
                _draw_areas(masks[index], shape)
        return masks.astype(bool)


def _plane_from_global(
    global_SE3_lidar: NDArrayFloat, lidar_augmentation: NDArrayFloat
) -> tuple[NDArrayFloat, NDArrayFloat]:
    """Matrix (2, 2) and shift (2,) from the global frame to the ground plane of the masks."""
    forward = global_SE3_lidar[:2, 0] / np.linalg.norm(global_SE3_lidar[:2, 0])
    lidar_R_global = np.array([forward, [-forward[1], forward[0]]])
    matrix = lidar_augmentation[:2, :2] @ lidar_R_global
    return matrix, lidar_augmentation[:2, 3] - matrix @ global_SE3_lidar[:2, 3]


def _draw_areas(mask: NDArrayByte, shape: shapely.Geometry) -> None:
    """Fill polygons, then empty their holes."""
    parts = [p for p in _parts(shape) if isinstance(p, shapely.Polygon) and not p.is_empty]
    cv2.fillPoly(mask, [_rounded(p.exterior) for p in parts], (1,))
    cv2.fillPoly(mask, [_rounded(hole) for p in parts for hole in p.interiors], (0,))


def _draw_lines(mask: NDArrayByte, shape: shapely.Geometry) -> None:
    for part in _parts(shape):
        if isinstance(part, shapely.LineString) and not part.is_empty:
            pixels = np.floor(_pixels(part) + _EDGE_PX).astype(np.int32)
            cv2.polylines(mask, [pixels], False, (1,), _LINE_PX)


def _parts(shape: shapely.Geometry) -> Sequence[shapely.Geometry]:
    return list(shapely.get_parts(shape))


def _rounded(ring: shapely.Geometry) -> np.ndarray[Any, np.dtype[np.int32]]:
    return np.asarray(_pixels(ring).round(), dtype=np.int32)


def _pixels(shape: shapely.Geometry) -> NDArrayFloat:
    """Coordinates (K, 2) in pixels from the square's lower corner."""
    metres: NDArrayFloat = shapely.get_coordinates(shape)
    return (metres + MASK_RANGE_M) / MASK_CELL_M
