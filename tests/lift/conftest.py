from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from cm3d.params import Lift, load_params
from cm3d.tables import Cameras, Masks

# A camera at the global origin that looks along global x: its x axis is -y, its y axis -z.
FORWARD = (0.5, -0.5, 0.5, -0.5)


@pytest.fixture
def lift_params(project: Path) -> Lift:
    return load_params(project / "params.yaml").lift


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
