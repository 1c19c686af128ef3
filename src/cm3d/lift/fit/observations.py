"""What was seen of objects: sampled points, and masks as their cameras have them."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from pycocotools import mask as coco_mask

from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat, NDArrayInt
from cm3d.geometry.cameras import scale_intrinsics
from cm3d.geometry.rows import Rows
from cm3d.geometry.se3 import SE3
from cm3d.tables import Cameras, Masks


@dataclass(frozen=True, eq=False)
class Samples(Rows):
    """Up to K points of each of N objects.

    Args:
        points_m: (N, K, 3), global frame.
        valid: (N, K) which of them are there; they come first.
    """

    points_m: NDArrayFloat
    valid: NDArrayBool

    def fit_in(self, most: int) -> NDArrayBool:
        """(N,) whether there are so many points of each object or fewer."""
        return np.asarray(~self.valid[:, most:].any(axis=1))

    def first(self, most: int) -> "Samples":
        """The first so many points of each object."""
        return Samples(self.points_m[:, :most], self.valid[:, :most])

    def divisor(self) -> NDArrayInt:
        """(N,) points of each object, at least 1."""
        return np.asarray(np.maximum(self.valid.sum(axis=1), 1), dtype=np.int64)

    def mean(self) -> NDArrayFloat:
        """(N, 3) mean point of each object."""
        total_m = np.where(self.valid[..., None], self.points_m, 0.0).sum(axis=1)
        return np.asarray(total_m / self.divisor()[:, None])


def sample_points(
    points_m: NDArrayFloat, owner: NDArrayInt, owners: NDArrayInt, most: int
) -> Samples:
    """Points of each object, spread evenly over their order.

    Args:
        points_m: (P, 3) points.
        owner: (P,) object of each, ascending.
        owners: (N,) objects that are asked for.
        most: K.
    """
    start = np.searchsorted(owner, owners)
    count = np.searchsorted(owner, owners, side="right") - start
    kept = np.minimum(count, most)
    rank = np.arange(most)
    valid = rank < kept[:, None]
    spread = rank * count[:, None] // np.maximum(kept, 1)[:, None]
    rows = np.where(valid, start[:, None] + spread, 0)
    padded_m = points_m if len(points_m) else np.zeros((1, 3))
    return Samples(padded_m[rows], valid)


_NEAR_M = 0.3  # nearer corners are taken to this depth: their box then spans the image


@dataclass(frozen=True, eq=False)
class MaskViews(Rows):
    """N masks as their cameras have them, at the masks' resolution.

    Args:
        camera: (N,) number of the camera.
        pixels_P_global: (N, 3, 4) projections: homogeneous global points in metres to pixels
            times depth.
        box_px: (N, 4) x_min, y_min, x_max, y_max, the tight box around the mask.
        size_px: (N, 2) width and height of the image.
    """

    camera: NDArrayInt
    pixels_P_global: NDArrayFloat
    box_px: NDArrayFloat
    size_px: NDArrayFloat

    @classmethod
    def from_masks(cls, masks: Masks, cameras: Cameras) -> Self:
        """The views of masks whose cameras are all known."""
        row_of = {token: row for row, token in enumerate(cameras.camera_token)}
        camera = np.array([row_of[token] for token in masks.camera_token], dtype=np.int64)
        size_px = np.column_stack([masks.width_px, masks.height_px]).astype(np.float64)
        views, first, view = np.unique(camera, return_index=True, return_inverse=True)
        projections = [
            _projection(cameras, row, masks.width_px[mask], masks.height_px[mask])
            for row, mask in zip(views, first, strict=True)
        ]
        matrix = np.array(projections).reshape(-1, 3, 4)[view]
        return cls(camera, matrix, _tight_boxes(masks), size_px)

    def columns(self, x_m: NDArrayFloat, y_m: NDArrayFloat, z_m: NDArrayFloat) -> NDArrayFloat:
        """Image columns (N, C, K), in pixels, of points whose coordinates broadcast to it."""
        across, depth = self.pixels_P_global[:, [0, 2]].transpose(1, 2, 0)[..., None, None]
        scaled = across[0] * x_m + across[1] * y_m + (across[2] * z_m + across[3])
        depth_m = depth[0] * x_m + depth[1] * y_m + (depth[2] * z_m + depth[3])
        return np.asarray(scaled / np.maximum(depth_m, _NEAR_M))


def _projection(cameras: Cameras, row: int, width_px: int, height_px: int) -> NDArrayFloat:
    camera_SE3_global = SE3.from_pose(cameras.global_SE3_camera[row]).inverse()
    intrinsics_px = scale_intrinsics(
        cameras.intrinsics_px[row].reshape(3, 3),
        width_px / cameras.width_px[row],
        height_px / cameras.height_px[row],
    )
    extrinsics = np.column_stack([camera_SE3_global.rotation, camera_SE3_global.translation_m])
    return np.asarray(intrinsics_px @ extrinsics)


def _tight_boxes(masks: Masks) -> NDArrayFloat:
    if len(masks) == 0:
        return np.empty((0, 4))
    encoded = [
        {"size": [int(height), int(width)], "counts": counts}
        for height, width, counts in zip(masks.height_px, masks.width_px, masks.rle, strict=True)
    ]
    x, y, width, height = coco_mask.toBbox(encoded).T
    return np.column_stack([x, y, x + width, y + height])
