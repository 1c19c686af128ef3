"""Which LiDAR points lie in which mask (paper, section 3.1, "3D Projection")."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from cm3d.geometry.arrays import NDArrayFloat, NDArrayInt
from cm3d.geometry.cameras import inside_image, project_points, scale_intrinsics
from cm3d.geometry.point_pixels import PointPixels
from cm3d.geometry.rows import Rows
from cm3d.geometry.se3 import SE3
from cm3d.lift.points.erosion import erosion_margin_px, inside_eroded
from cm3d.lift.points.mask_runs import MaskRuns
from cm3d.params import Lift
from cm3d.tables import Cameras, Masks


@dataclass(frozen=True, eq=False)
class MaskPoints(Rows):
    """Pairs of a mask and a point in it.

    Args:
        mask: (H,) rows of a table of masks, ascending.
        point: (H,) rows of an array of points.
    """

    mask: NDArrayInt
    point: NDArrayInt

    @classmethod
    def by_mask(cls, mask: NDArrayInt, point: NDArrayInt) -> Self:
        """Pairs in any order."""
        order = np.argsort(mask, kind="stable")
        return cls(mask[order], point[order])

    def with_masks(self, mask: NDArrayInt) -> "MaskPoints":
        """The same points in other masks; what comes into a mask twice counts once."""
        pair = mask * (self.point.max(initial=0) + 1) + self.point
        first = np.unique(pair, return_index=True)[1]  # by mask and point, whoever had it
        return MaskPoints(mask[first], self.point[first])


def points_in_masks(
    points_global_m: NDArrayFloat,
    masks: Masks,
    cameras: Cameras,
    params: Lift,
    known: PointPixels | None = None,
) -> MaskPoints:
    """Group points by the eroded masks that they project into.

    Every point is projected once per camera, at the masks' own resolution. Masks may overlap: a
    point counts in each. There is no occlusion test. A mask that erosion empties has no points.

    Args:
        points_global_m: (N, 3) points, global frame.
        masks: Rows of one keyframe, of a table without fault.
        cameras: Rows of the same keyframe, all that have masks.
        params: Section `lift`.
        known: Points that are not projected, since their places in images are known.
    """
    mask_rows, point_rows = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for row in range(len(cameras)):
        of_camera = np.flatnonzero(masks.camera_token == cameras.camera_token[row])
        if len(of_camera):
            hit_masks, hit_points = _hits(
                points_global_m, masks[of_camera], cameras[row : row + 1], params, known
            )
            mask_rows.append(of_camera[hit_masks])
            point_rows.append(hit_points)
    return MaskPoints.by_mask(np.concatenate(mask_rows), np.concatenate(point_rows))


def _hits(
    points_global_m: NDArrayFloat,
    masks: Masks,
    camera: Cameras,
    params: Lift,
    known: PointPixels | None,
) -> tuple[NDArrayInt, NDArrayInt]:
    """Pairs of mask and point of one camera."""
    runs = MaskRuns.from_masks(masks)
    columns, rows, visible = _pixels(points_global_m, camera, runs, params, known)
    in_mask, pixel = runs.near(columns, rows)
    inside = runs.contain(in_mask, columns[pixel], rows[pixel])
    in_mask, pixel = in_mask[inside], pixel[inside]
    margin_px = erosion_margin_px(params.erosion_kernel_px, params.erosion_width_px, runs.width_px)
    inside = inside_eroded(runs, in_mask, columns[pixel], rows[pixel], margin_px)
    return in_mask[inside], visible[pixel[inside]]


def _pixels(
    points_global_m: NDArrayFloat,
    camera: Cameras,
    runs: MaskRuns,
    params: Lift,
    known: PointPixels | None,
) -> tuple[NDArrayInt, NDArrayInt, NDArrayInt]:
    """Column, row and index of the points that one camera sees, at the masks' resolution."""
    camera_SE3_global = SE3.from_pose(camera.global_SE3_camera[0]).inverse()
    depth_m = points_global_m @ camera_SE3_global.rotation[2] + camera_SE3_global.translation_m[2]
    is_in_front = depth_m > params.min_depth_m
    own = None
    if known is not None:
        own = known[(known.channel == camera.channel[0]) & is_in_front[known.point]]
        is_in_front[known.point] = False
    in_front = np.flatnonzero(is_in_front)
    points_camera_m = camera_SE3_global.transform_points(points_global_m[in_front])
    scale = (runs.width_px / camera.width_px[0], runs.height_px / camera.height_px[0])
    intrinsics_px = scale_intrinsics(camera.intrinsics_px[0].reshape(3, 3), *scale)
    pixels, front_m = project_points(points_camera_m, intrinsics_px)
    if own is not None:
        order = np.argsort(np.concatenate([in_front, own.point]), kind="stable")
        in_front = np.concatenate([in_front, own.point])[order]
        pixels = np.concatenate([pixels, own.pixel_px * scale])[order]
        front_m = depth_m[in_front]
    inside = inside_image(pixels, front_m, runs.width_px, runs.height_px, params.min_depth_m)
    columns, rows = pixels[inside].astype(np.int64).T
    return columns, rows, in_front[inside]
