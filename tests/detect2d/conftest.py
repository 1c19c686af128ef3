"""One simulated image: two objects, one of them small and mostly hidden."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from cm3d import params
from cm3d.tables import Cameras

WIDTH_PX, HEIGHT_PX = 800, 450


@pytest.fixture
def detect2d(project: Path) -> params.Detect2D:
    """The default parameters."""
    return params.load_params(project / "params.yaml").detect2d


@pytest.fixture
def execution(project: Path) -> params.Execution:
    """The default parameters."""
    return params.load_params(project / "params.yaml").execution


@pytest.fixture
def cameras() -> Cameras:
    """Two images of one keyframe."""
    return Cameras.from_columns(
        camera_token=["front", "back"],
        sample_token=["frame", "frame"],
        channel=["CAM_FRONT", "CAM_BACK"],
        path=["front.jpg", "back.jpg"],
        width_px=[WIDTH_PX] * 2,
        height_px=[HEIGHT_PX] * 2,
        intrinsics_px=[[630, 0, 400, 0, 630, 245, 0, 0, 1]] * 2,
        global_SE3_camera=[[1, 0, 0, 0, 0, 0, 1.5]] * 2,
    )


@pytest.fixture
def sim_root(tmp_path: Path) -> Path:
    """Root with the instance images of `cameras`; the second one is empty."""
    ids = np.zeros((HEIGHT_PX, WIDTH_PX), np.uint16)
    ids[100:300, 200:400] = 3
    ids[240:246, 600:604] = 7
    folder = tmp_path / "instances"
    folder.mkdir()
    cv2.imwrite(str(folder / "front.png"), ids)
    cv2.imwrite(str(folder / "back.png"), np.zeros_like(ids))
    small = {"instance_id": 7, "class_name": "pedestrian", "visible_share": 0.2}
    large = {"instance_id": 3, "class_name": "car", "visible_share": 1.0}
    (folder / "scene.json").write_text(json.dumps({"front": [small, large], "back": []}))
    return tmp_path
