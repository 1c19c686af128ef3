from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from cm3d.lift.keyframe import Keyframe, Scan
from cm3d.lift.lanes import LaneField
from cm3d.params import Lift, load_params
from cm3d.tables import Cameras, Lanes, Masks

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
            np.zeros(2),
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
