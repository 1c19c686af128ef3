"""The cameras: how they are mounted, and images as a pinhole camera would have taken them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import cv2
import numpy as np

from cm3d.datasets.waymo.components import CAMERA, CAMERA_CALIBRATION, CAMERA_IMAGE, CAMERAS, TIME
from cm3d.datasets.waymo.reading import read_rows, stream_rows, transforms
from cm3d.datasets.waymo.segments import Segment
from cm3d.errors import InputError
from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat, NDArrayFloat32
from cm3d.geometry.se3 import SE3

_PINHOLE: Final = ("f_u", "f_v", "c_u", "c_v")
DISTORTION: Final = ("k1", "k2", "p1", "p2", "k3")
# Beyond, the polynomial is no lens any more.
_RADIAL: Final = (0.8, 1.2)
_QUALITY: Final = 95
_OFF_PX: Final = 0.1
# Waymo's cameras look along x with z up, those of the tables along z with y down.
SE3_OPTICAL: Final = SE3(np.array([[0.0, 0, 1], [-1, 0, 0], [0, -1, 0]]), np.zeros(3))


@dataclass(frozen=True, eq=False)
class Camera:
    """One camera, as it is mounted.

    Args:
        name: Its number.
        width_px: Of its images.
        height_px: Of its images.
        intrinsics_px: (3, 3) pinhole matrix.
        distortion: (5,) k1, k2, p1, p2, k3 as OpenCV has them.
        vehicle_SE3_camera: Its pose on the car; z forward, x right, y down.
    """

    name: int
    width_px: int
    height_px: int
    intrinsics_px: NDArrayFloat
    distortion: NDArrayFloat
    vehicle_SE3_camera: SE3

    @property
    def channel(self) -> str:
        """Its name."""
        return CAMERAS[self.name]

    def distorted(self, rays: NDArrayFloat) -> tuple[NDArrayFloat, NDArrayBool]:
        """Where the lens puts rays.

        Args:
            rays: (N, 2) x / z and y / z.

        Returns:
            (N, 2) the same behind the lens, and (N,) whether the model holds there.
        """
        k1, k2, p1, p2, k3 = self.distortion
        x, y = rays.T
        square = x * x + y * y
        radial = 1 + square * (k1 + square * (k2 + square * k3))
        moved_x = x * radial + 2 * p1 * x * y + p2 * (square + 2 * x * x)
        moved_y = y * radial + p1 * (square + 2 * y * y) + 2 * p2 * x * y
        holds = (radial >= _RADIAL[0]) & (radial <= _RADIAL[1])
        return np.column_stack([moved_x, moved_y]), np.asarray(holds)

    def as_pinhole(self, jpeg: bytes) -> bytes:
        """The image as a pinhole camera of the same intrinsics would have taken it.

        Nothing is known of what the lens did not see: such pixels are black. Bytes come back as
        they are where the lens is ideal already, and where they are no such image: what reads
        them then says so.
        """
        if not (jpeg and self.distortion.any()):
            return jpeg
        content = np.frombuffer(jpeg, dtype=np.uint8)
        image = cv2.imdecode(content, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
        if image is None or image.shape[:2] != (self.height_px, self.width_px):
            return jpeg
        undistorted = cv2.remap(image, *self._sources_px, cv2.INTER_LINEAR)
        return bytes(cv2.imencode(".jpg", undistorted, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1])

    def without_lens(self, pixel_px: NDArrayFloat) -> tuple[NDArrayFloat, NDArrayBool]:
        """Where what a lens put to pixels (N, 2) is in the image of `as_pinhole`.

        Returns:
            (N, 2) pixels, and (N,) whether the lens puts these back.
        """
        if not self.distortion.any() or not len(pixel_px):
            return pixel_px, np.ones(len(pixel_px), dtype=bool)
        focal_px, center_px = self.intrinsics_px[[0, 1], [0, 1]], self.intrinsics_px[:2, 2]
        seen = (pixel_px - center_px) / focal_px
        unit = np.eye(3)
        # OpenCV's iteration, up to 50 rounds or a millionth
        until = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 50, 1e-6)
        found = cv2.undistortPointsIter(seen[:, None], unit, self.distortion, unit, unit, until)
        rays = np.asarray(found, dtype=np.float64).reshape(-1, 2)
        again, holds = self.distorted(rays)
        is_back = np.abs(again - seen).max(axis=1) * focal_px.max() < _OFF_PX
        return rays * focal_px + center_px, np.asarray(holds & is_back)

    @cached_property
    def _sources_px(self) -> tuple[NDArrayFloat32, NDArrayFloat32]:
        """Column and row, (height, width) each, where a pinhole camera's pixels are found."""
        (f_u, _, c_u), (_, f_v, c_v), _ = self.intrinsics_px
        # a pixel's centre is half a pixel from its edges; OpenCV counts from the first centre
        u, v = np.meshgrid(np.arange(self.width_px) + 0.5, np.arange(self.height_px) + 0.5)
        rays = np.column_stack([(u.ravel() - c_u) / f_u, (v.ravel() - c_v) / f_v])
        moved, holds = self.distorted(rays)
        source_px = moved * [f_u, f_v] + [c_u, c_v] - 0.5
        source_px[~holds] = -1e4
        columns, rows = source_px.astype(np.float32).T.reshape(2, *u.shape)
        return np.ascontiguousarray(columns), np.ascontiguousarray(rows)


def read_cameras(segment: Segment) -> dict[int, Camera]:
    """How the cameras are mounted, by number.

    Raises:
        InputError: The file is malformed, or a camera is none of the five.
    """
    names = [f"intrinsic.{name}" for name in (*_PINHOLE, *DISTORTION)]
    columns = ["extrinsic.transform", "width", "height", *names]
    rows = read_rows(segment, CAMERA_CALIBRATION, columns)
    path = segment.path(CAMERA_CALIBRATION)
    poses = transforms(rows, "extrinsic.transform", path)
    values = np.column_stack([rows[name] for name in names])
    cameras = {}
    for row, name in enumerate(rows[CAMERA].tolist()):
        if name not in CAMERAS or not np.isfinite(values[row]).all():
            raise InputError(
                f"{path}: camera {name} is none of {min(CAMERAS)} to {max(CAMERAS)} with finite "
                "intrinsics; fetch it again"
            )
        f_u, f_v, c_u, c_v = values[row, :4]
        width_px, height_px = int(rows["width"][row]), int(rows["height"][row])
        if min(f_u, f_v, width_px, height_px) <= 0:
            raise InputError(
                f"{path}: camera {CAMERAS[name]}: f_u, f_v, width or height is not above 0; fetch "
                "it again"
            )
        cameras[name] = Camera(
            name,
            width_px,
            height_px,
            np.array([[f_u, 0, c_u], [0, f_v, c_v], [0, 0, 1]]),
            values[row, 4:],
            poses[row] @ SE3_OPTICAL,
        )
    return cameras


def read_shots(segment: Segment, cameras: dict[int, Camera]) -> dict[tuple[int, int], SE3]:
    """Poses of the car when images were taken, by time of the frame and camera.

    Raises:
        InputError: The file is malformed, or a camera has no calibration.
    """
    rows = read_rows(segment, CAMERA_IMAGE, ["pose.transform"])
    path = segment.path(CAMERA_IMAGE)
    if unknown := set(rows[CAMERA].tolist()) - cameras.keys():
        raise InputError(
            f"{path}: camera {CAMERAS.get(min(unknown), min(unknown))} has no camera_calibration; "
            "fetch both again"
        )
    keys = zip(rows[TIME].tolist(), rows[CAMERA].tolist(), strict=True)
    return dict(zip(keys, transforms(rows, "pose.transform", path), strict=True))


def stream_images(
    segment: Segment, cameras: dict[int, Camera]
) -> Iterator[tuple[int, Camera, bytes]]:
    """Time, camera and undistorted JPEG of each image, in the order of the file.

    Raises:
        InputError: The file is malformed.
    """
    for row in stream_rows(segment, CAMERA_IMAGE, ["image"]):
        camera = cameras[row[CAMERA]]
        yield row[TIME], camera, camera.as_pinhole(row["image"])
