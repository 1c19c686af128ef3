"""Boxes on a plane before one camera and a LiDAR, with what both see of them by construction."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
import pytest
from pycocotools import mask as coco_mask
from scipy.spatial.transform import Rotation

from cm3d.geometry.boxes import box_corners
from cm3d.lift.keyframe import Keyframe, Scan
from cm3d.lift.lanes import LaneField
from cm3d.lift.refine.candidates import Candidates
from cm3d.lift.refine.objective import Objective
from cm3d.lift.refine.samples import Samples
from cm3d.lift.refine.views import MaskViews
from cm3d.params import FitWeights, Lift, Refine
from cm3d.tables import Cameras, Masks

WIDTH_PX, HEIGHT_PX, FOCAL_PX = 800, 450, 600
BEARING_RAD = {"front": 0.0, "left": np.deg2rad(65)}  # images overlap by about 2 degrees
CAMERA_M, LIDAR_M = np.array([0, 0, 1.5]), np.array([0, 0, 1.8])
SWITCHES = [name for name, knob in Refine.model_fields.items() if knob.annotation is bool]


class Solid(NamedTuple):
    """A box that stands on the ground z = 0."""

    x_m: float
    y_m: float
    yaw_rad: float = 0.0
    length_m: float = 4.5
    width_m: float = 1.8
    height_m: float = 1.5
    class_name: str = "car"

    def corners_m(self) -> np.ndarray:
        center_m = np.array([[self.x_m, self.y_m, self.height_m / 2]])
        sides = (np.array([side]) for side in (self.length_m, self.width_m, self.height_m))
        return box_corners(center_m, *sides, np.array([self.yaw_rad]))[0]

    def to_global(self, along_m: np.ndarray, across_m: np.ndarray) -> np.ndarray:
        cosine, sine = np.cos(self.yaw_rad), np.sin(self.yaw_rad)
        xy_m = [cosine * along_m - sine * across_m, sine * along_m + cosine * across_m]
        return np.column_stack(xy_m) + np.array([self.x_m, self.y_m])

    def footprint(self) -> Candidates:
        """As one candidate, (1, 1)."""
        return Candidates(*(np.full((1, 1), value) for value in self[:5]))

    def seen_points_m(self, spacing_m: float = 0.15) -> np.ndarray:
        """Points on the faces that the LiDAR sees, in rows at four heights."""
        along_m, across_m = (
            np.linspace(-side / 2, side / 2, int(side / spacing_m) + 2)
            for side in (self.length_m, self.width_m)
        )
        toward = self.footprint().in_box_frame(LIDAR_M[0], LIDAR_M[1])
        faces = [np.empty((0, 2))]
        if abs(toward[0]) > self.length_m / 2:
            end_m = np.full_like(across_m, np.sign(toward[0]) * self.length_m / 2)
            faces.append(self.to_global(end_m, across_m))
        if abs(toward[1]) > self.width_m / 2:
            side_m = np.full_like(along_m, np.sign(toward[1]) * self.width_m / 2)
            faces.append(self.to_global(along_m, side_m))
        xy_m = np.concatenate(faces)
        heights_m = np.linspace(0.3, 0.9, 4) * self.height_m
        return np.column_stack([np.tile(xy_m, (4, 1)), np.repeat(heights_m, len(xy_m))])

    def hides(self, points_m: np.ndarray) -> np.ndarray:
        """Which points the LiDAR cannot see for this box, by walking along the rays."""
        share = np.linspace(0, 1, 120)[None, :, None]
        walk_m = LIDAR_M + share * (points_m[:, None] - LIDAR_M)
        boxes = Candidates(*(np.array(value) for value in self[:5]))
        along_m, across_m = boxes.in_box_frame(walk_m[..., 0], walk_m[..., 1])
        inside = (np.abs(along_m) < self.length_m / 2) & (np.abs(across_m) < self.width_m / 2)
        return (inside & (walk_m[..., 2] < self.height_m)).any(axis=1)


def project(points_m: np.ndarray, bearing_rad: float = 0.0) -> np.ndarray:
    """Pixels (N, 2) of points by hand; the camera looks along x or to the left of it."""
    x_m, y_m = points_m[:, 0], points_m[:, 1]
    cosine, sine = np.cos(bearing_rad), np.sin(bearing_rad)
    ahead_m, left_m = cosine * x_m + sine * y_m, cosine * y_m - sine * x_m
    u = WIDTH_PX / 2 - FOCAL_PX * left_m / ahead_m
    return np.column_stack([u, HEIGHT_PX / 2 - FOCAL_PX * (points_m[:, 2] - CAMERA_M[2]) / ahead_m])


def outline(solid: Solid, camera: str = "front") -> np.ndarray:
    """Image of a solid, filled."""
    image = np.zeros((HEIGHT_PX, WIDTH_PX), np.uint8)
    hull = cv2.convexHull(project(solid.corners_m(), BEARING_RAD[camera]).astype(np.float32))
    return cv2.fillConvexPoly(image, np.floor(hull).astype(np.int32), 1)


@pytest.fixture(scope="session")
def solid() -> type[Solid]:
    return Solid


@pytest.fixture(scope="session")
def street_cameras() -> Cameras:
    ahead = Rotation.from_quat((0.5, -0.5, 0.5, -0.5), scalar_first=True)
    poses = [
        [*(Rotation.from_euler("z", bearing) * ahead).as_quat(scalar_first=True), *CAMERA_M]
        for bearing in BEARING_RAD.values()
    ]
    return Cameras(
        camera_token=list(BEARING_RAD),
        sample_token=["frame"] * 2,
        channel=["CAM_FRONT", "CAM_FRONT_LEFT"],
        path=["image.jpg"] * 2,
        width_px=[WIDTH_PX] * 2,
        height_px=[HEIGHT_PX] * 2,
        intrinsics_px=[[FOCAL_PX, 0, WIDTH_PX / 2, 0, FOCAL_PX, HEIGHT_PX / 2, 0, 0, 1]] * 2,
        global_SE3_camera=poses,
    )


@pytest.fixture(scope="session")
def refined(lift_params: Lift) -> Lift:
    """The project's constants with all refinements."""
    refine = lift_params.refine.model_copy(update=dict.fromkeys(SWITCHES, True))
    return lift_params.model_copy(update={"recipe": "refined", "refine": refine})


@pytest.fixture(scope="session")
def unrefined(refined: Lift) -> Lift:
    """The refined recipe with all switches off."""
    refine = refined.refine.model_copy(update=dict.fromkeys(SWITCHES, False))
    return refined.model_copy(update={"refine": refine})


@pytest.fixture(scope="session")
def make_street(street_cameras: Cameras) -> Callable[..., Keyframe]:
    """A keyframe of solids on an open plane with a wall 12 m behind the last of them.

    `through_m` are further points that the LiDAR sees, through windows for instance. Each solid
    has a mask in its camera; to stand in two images it is named twice.
    """

    def build(
        *solids: Solid,
        lanes: LaneField | None = None,
        through_m: Any = (),
        token: str = "frame",
        cameras: Sequence[str] = (),
        images: list[np.ndarray] | None = None,
    ) -> Keyframe:
        cameras = cameras or ["front"] * len(solids)
        far_m = max((solid.x_m for solid in solids), default=20.0) + 12
        x_m, y_m = np.meshgrid(np.arange(4, far_m, 0.7), np.arange(-15, 15, 0.7))
        ground_m = np.column_stack([x_m.ravel(), y_m.ravel(), np.zeros(x_m.size)])
        y_m, z_m = np.meshgrid(np.arange(-15, 15, 0.3), np.arange(0.3, 4, 0.3))
        wall_m = np.column_stack([np.full(y_m.size, far_m), y_m.ravel(), z_m.ravel()])
        behind_m = np.concatenate([ground_m, wall_m])
        for solid in set(solids):
            behind_m = behind_m[~solid.hides(behind_m)]
        through_m = np.reshape(np.asarray(through_m, dtype=float), (-1, 3))
        points_m = np.concatenate(
            [*(s.seen_points_m() for s in dict.fromkeys(solids)), behind_m, through_m]
        )
        images = images or [outline(*both) for both in zip(solids, cameras, strict=True)]
        masks = Masks(
            camera_token=cameras,
            sample_token=[token] * len(solids),
            detection_id=range(len(solids)),
            class_name=[solid.class_name for solid in solids],
            score=np.linspace(0.9, 0.5, len(solids)),
            height_px=[HEIGHT_PX] * len(solids),
            width_px=[WIDTH_PX] * len(solids),
            rle=[coco_mask.encode(np.asfortranarray(image))["counts"] for image in images],
        )
        scan = Scan(points_m, np.zeros(len(points_m)), LIDAR_M)
        return Keyframe(token, scan, masks, street_cameras, lanes, np.zeros(2))

    return build


@pytest.fixture(scope="session")
def make_views() -> Callable[..., MaskViews]:
    """Views of masks by their boxes; u = 400 - 600 y / x and v = 225 - 600 (z - 1.5) / x."""

    def build(*boxes_px: tuple[float, float, float, float]) -> MaskViews:
        count = len(boxes_px)
        intrinsics = np.array(
            [[FOCAL_PX, 0, WIDTH_PX / 2], [0, FOCAL_PX, HEIGHT_PX / 2], [0, 0, 1]]
        )
        extrinsics = np.array([[0, -1, 0, 0], [0, 0, -1, CAMERA_M[2]], [1, 0, 0, 0]])
        return MaskViews(
            np.zeros(count, dtype=np.int64),
            np.tile(intrinsics @ extrinsics, (count, 1, 1)),
            np.array(boxes_px, dtype=float).reshape(-1, 4),
            np.tile([float(WIDTH_PX), HEIGHT_PX], (count, 1)),
        )

    return build


@pytest.fixture(scope="session")
def make_samples() -> Callable[..., Samples]:
    """Samples of objects that may have different numbers of points."""

    def build(*objects_m: Any) -> Samples:
        most = max(len(points_m) for points_m in objects_m)
        points_m = np.full((len(objects_m), most, 3), 1e6)
        valid = np.zeros((len(objects_m), most), dtype=bool)
        for row, own_m in enumerate(objects_m):
            points_m[row, : len(own_m)] = own_m
            valid[row, : len(own_m)] = True
        return Samples(points_m, valid)

    return build


@pytest.fixture(scope="session")
def make_objective(
    make_views: Callable[..., MaskViews], make_samples: Callable[..., Samples], refined: Lift
) -> Callable[..., Objective]:
    """The objective of one object that stands on z = 0, by default a car of Table 8.

    Weights by keyword are alone: all others are 0. Without any they are the project's.
    """

    def build(
        points_m: Any,
        box_px: tuple[float, float, float, float] = (0, 0, WIDTH_PX, HEIGHT_PX),
        rays: Samples | None = None,
        hollow: bool = False,
        sides: tuple[float, float, float] = (4.5, 1.8, 1.5),
        **weights: float,
    ) -> Objective:
        chosen = refined.refine.weights
        if weights:
            none = dict.fromkeys(FitWeights.model_fields, 0.0)
            tolerance_m = {"tolerance_m": chosen.tolerance_m}
            chosen = FitWeights.model_validate(none | tolerance_m | weights)
        return Objective(
            samples=make_samples(points_m),
            views=make_views(box_px),
            rays=rays,
            bottom_m=np.zeros(1),
            height_m=np.array([sides[2]]),
            length_m=np.array([sides[0]]),
            width_m=np.array([sides[1]]),
            spread=np.array([0.1]),
            hollow=np.array([hollow]),
            sensor_m=LIDAR_M,
            weights=chosen,
        )

    return build


@pytest.fixture(scope="session")
def make_seen(make_objective: Callable[..., Objective]) -> Callable[[Solid], Objective]:
    """The objective of a solid by all that is seen of it, the rays past it apart."""

    def build(solid: Solid) -> Objective:
        corners_px = np.clip(project(solid.corners_m()), 0, [WIDTH_PX, HEIGHT_PX])
        low, high = corners_px.min(axis=0), corners_px.max(axis=0)
        sides = (solid.length_m, solid.width_m, solid.height_m)
        return make_objective(solid.seen_points_m(), (*low, *high), sides=sides)

    return build
