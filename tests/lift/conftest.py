"""What lifting reads: cameras, masks, keyframes; and streets of solids that it lifts."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools import mask as coco_mask
from scipy.spatial.transform import Rotation

from cm3d.geometry.se3 import SE3
from cm3d.lift.fit.objective import Facts, Objective
from cm3d.lift.fit.observations import MaskViews, Samples
from cm3d.lift.keyframe import Keyframe, Scan
from cm3d.lift.lanes import LaneField
from cm3d.params import FitWeights, Lift, Refine, load_params
from cm3d.tables import Cameras, Frames, Lanes, Masks
from tests.lift.solids import (
    BEARING_RAD,
    CAMERA_M,
    FOCAL_PX,
    HEIGHT_PX,
    LIDAR_M,
    WIDTH_PX,
    Solid,
    outline,
    to_pixels,
)

SWITCHES = [name for name, knob in Refine.model_fields.items() if knob.annotation is bool]

# A camera at the global origin that looks along global x: its x axis is -y, its y axis -z.
FORWARD = (0.5, -0.5, 0.5, -0.5)


@pytest.fixture(scope="session")
def lift_params(project: Path) -> Lift:
    """The project's constants with the paper's recipe."""
    params = load_params(project / "params.yaml").lift
    return params.model_copy(update={"recipe": "paper"})


@pytest.fixture
def make_cameras() -> Callable[..., Cameras]:
    """Cameras of 20x10 pixels with focal length 10 and the principal point in the middle."""

    def build(*tokens: str, quaternion: tuple[float, ...] = FORWARD) -> Cameras:
        rows = len(tokens)
        return Cameras(
            camera_token=tokens,
            sample_token=["frame"] * rows,
            channel=["CAM_FRONT"] * rows,
            path=["image.jpg"] * rows,
            width_px=[20] * rows,
            height_px=[10] * rows,
            intrinsics_px=[[10, 0, 10, 0, 10, 5, 0, 0, 1]] * rows,
            global_SE3_camera=[[*quaternion, 0, 0, 0]] * rows,
        )

    return build


@pytest.fixture
def make_masks() -> Callable[..., Masks]:
    """Masks from (height, width) images, all of one camera unless told otherwise."""

    def build(images: list[Any], **columns: Any) -> Masks:
        rows = len(images)
        sizes = [np.shape(image) for image in images]
        encoded = [coco_mask.encode(np.asfortranarray(image, dtype=np.uint8)) for image in images]
        values: dict[str, Any] = dict(
            camera_token=["front"] * rows,
            sample_token=["frame"] * rows,
            detection_id=range(rows),
            class_name=["car"] * rows,
            score=np.linspace(0.9, 0.5, rows),
            height_px=[height for height, _ in sizes],
            width_px=[width for _, width in sizes],
            rle=[code["counts"] for code in encoded],
        )
        return Masks(**(values | columns))

    return build


@pytest.fixture
def make_keyframe(
    make_cameras: Callable[..., Cameras], make_masks: Callable[..., Masks]
) -> Callable[..., Keyframe]:
    """A keyframe of the forward camera; LiDAR and ego vehicle are at the origin."""

    def build(
        points_m: Any,
        images: list[Any],
        lanes: LaneField | None = None,
        time_lag_s: Any = 0.0,
        **columns: Any,
    ) -> Keyframe:
        xyz_m = np.asarray(points_m, dtype=float).reshape(-1, 3)
        lag_s = np.broadcast_to(np.asarray(time_lag_s, dtype=float), len(xyz_m))
        return Keyframe(
            "frame",
            Scan(xyz_m, lag_s, np.zeros(3)),
            make_masks(images, **columns),
            make_cameras("front"),
            lanes,
            SE3.identity(),
        )

    return build


@pytest.fixture
def northward() -> LaneField:
    """One lane point at the origin that points along global y."""
    return LaneField(
        Lanes.from_columns(
            lane_token=["lane"],
            point_index=[0],
            kind=["lane"],
            position_m=[[0, 0]],
            yaw_rad=[np.pi / 2],
        )
    )


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
def make_frames() -> Callable[..., Frames]:
    """Keyframes f0, f1, ... at 2 Hz; the ego vehicle stands at the origin."""

    def build(count: int) -> Frames:
        return Frames(
            sample_token=[f"f{step}" for step in range(count)],
            scene_name=["scene"] * count,
            timestamp_us=1_500_000_000_000_000 + 500_000 * np.arange(count),
            split=["train"] * count,
            location=[""] * count,
            global_SE3_ego=[[1, 0, 0, 0, 0, 0, 0]] * count,
        )

    return build


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
        return Keyframe(token, scan, masks, street_cameras, lanes, SE3.identity())

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
            points_m[row, : len(own_m)] = np.reshape(own_m, (-1, 3))
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
        facts = Facts(
            samples=make_samples(points_m),
            views=make_views(box_px),
            rays=make_samples([]) if rays is None else rays,
            bottom_m=np.zeros(1),
            height_m=np.array([sides[2]]),
            length_m=np.array([sides[0]]),
            width_m=np.array([sides[1]]),
            spread=np.array([0.1]),
            hollow=np.array([hollow]),
        )
        return Objective(facts, LIDAR_M, chosen)

    return build


@pytest.fixture(scope="session")
def make_seen(make_objective: Callable[..., Objective]) -> Callable[..., Objective]:
    """The objective of a solid by all that is seen of it, the rays past it apart.

    Weights by keyword are those of `make_objective`; `also_m` are further points of the solid.
    """

    def build(solid: Solid, also_m: Any = (), **weights: float) -> Objective:
        corners_px = np.clip(to_pixels(solid.corners_m()), 0, [WIDTH_PX, HEIGHT_PX])
        low, high = corners_px.min(axis=0), corners_px.max(axis=0)
        sides = (solid.length_m, solid.width_m, solid.height_m)
        points_m = np.concatenate([solid.seen_points_m(), np.reshape(also_m, (-1, 3))])
        return make_objective(points_m, (*low, *high), sides=sides, **weights)

    return build
