"""A tiny workspace in which everything has been made for the val scene, one camera lost."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask

from cm3d.tables import Boxes2D, Boxes3D, Cameras, Masks, layout
from tests.export.workspace import SCENES, boxes_of, write_workspace
from tests.lift.made import unexplained

SCENE, TOKENS = "drive-val", SCENES["drive-val"]


@pytest.fixture
def workspace(bare_workspace: Path) -> Path:
    """The current folder."""
    write_workspace()
    file = f"{SCENE}.parquet"
    boxes = Boxes3D.concatenate(map(boxes_of, TOKENS))
    boxes.write(layout.LIFTED / file)
    unexplained(boxes).why.replace(track=[0, 1, -1, 0, 1, -1]).write(layout.LIFT_EXPLAINED / file)
    boxes.replace(score=boxes.score / 2).write(layout.PREDICTIONS / "finetune" / file)
    for scene in SCENES:
        Boxes3D.empty().write(layout.BICYCLE_RACKS / f"{scene}.parquet")
    cameras = Cameras.read(layout.CAMERAS / file)
    for path in cameras.path[cameras.channel == "CAM_FRONT"]:
        (layout.RAW / path).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (1600, 900), (90, 120, 150)).save(layout.RAW / path)
    front = cameras.camera_token[cameras.channel == "CAM_FRONT"]
    shape = np.zeros((90, 160), dtype=np.uint8, order="F")
    shape[40:50, 60:80] = 1
    common = {
        "camera_token": front,
        "detection_id": [0, 1],
        "class_name": ["car", "car"],
        "score": [0.9, 0.8],
    }
    Boxes2D.from_columns(**common, box_px=[[600, 400, 800, 500]] * 2).write(layout.BOXES2D / file)
    Masks.from_columns(
        **common,
        sample_token=TOKENS,
        height_px=[90, 90],
        width_px=[160, 160],
        rle=[coco_mask.encode(shape)["counts"]] * 2,
    ).write(layout.MASKS / file)
    return bare_workspace
