"""A small data set of a user's own, as docs/own_data.md describes its folder."""

import json
import re
from pathlib import Path

import cv2
import numpy as np

PROJECT = Path(__file__).resolve().parents[1]
FRAMES = 3
CAR = {"length_m": 4.0, "width_m": 2.0, "height_m": 1.6}
_FACING_Y = [np.sqrt(0.5), 0.0, 0.0, np.sqrt(0.5)]  # turned by 90 degrees about +z
_LOOKING_AHEAD = [0.5, -0.5, 0.5, -0.5]  # from x forward, z up to z forward, y down


def example() -> str:
    """The code of docs/own_data.md."""
    text = (PROJECT / "docs/own_data.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", text, re.S)
    return str(code)


def write_own_data(root: Path) -> None:
    """Two drives of three frames: a car stands 12 m ahead of where the ego vehicle begins."""
    intrinsics = [[100.0, 0, 100], [0, 100, 50], [0, 0, 1]]
    front = {
        "ego_SE3_camera": [*_LOOKING_AHEAD, 0, 0, 2],
        "intrinsics_px": intrinsics,
        "width_px": 200,
        "height_px": 100,
    }
    rig = {"ego_SE3_lidar": [1, 0, 0, 0, 0, 0, 2], "cameras": {"front": front}}
    root.mkdir(parents=True, exist_ok=True)
    (root / "calibration.json").write_text(json.dumps(rig))
    drives = {}
    for name, split in (("drive_1", "train"), ("drive_2", "val")):
        drives[name] = {"split": split, "frames": [_frame(root / name, i) for i in range(FRAMES)]}
    (root / "drives.json").write_text(json.dumps(drives))


def write_detections(path: Path) -> None:
    """Of the car's rear, by another program."""
    detections = [
        {"image_id": f"{drive}-{i}-front", "category_id": 1, "bbox": _rear(i), "score": 0.9}
        for drive in ("drive_1", "drive_2")
        for i in range(FRAMES)
    ]
    path.write_text(json.dumps(detections))


def _rear(number: int) -> list[float]:
    """x, y, width, height (px) of the rear: 2 m wide, from 2 m to 0.4 m below the camera."""
    distance_m = 10.0 - number
    return [100 - 100 / distance_m, 50 + 40 / distance_m, 200 / distance_m, 160 / distance_m]


def _frame(folder: Path, number: int) -> dict[str, object]:
    for part in ("lidar", "front"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    _points(number).tofile(folder / f"lidar/{number}.bin")
    image = np.full((100, 200, 3), 200, np.uint8)
    x, y, width, height = (round(value) for value in _rear(number))
    image[y : y + height, x : x + width] = (30, 30, 160)
    cv2.imwrite(str(folder / f"front/{number}.jpg"), image)
    car = {"category": "vehicle.car", "instance": "a", "center_m": [0, 12, 0.8], **CAR}
    animal = {**car, "category": "animal", "instance": "b"}
    return {
        "time_us": 100_000 * number,
        "global_SE3_ego": [*_FACING_Y, 0, number, 0],
        "boxes": [{**box, "yaw_rad": np.pi / 2} for box in (car, animal)],
    }


def _points(number: int) -> np.ndarray:
    """x, y, z, intensity in the LiDAR's frame, 2 m up: the car's rear, and the ground."""
    across, up = np.meshgrid([-0.75, -0.25, 0.25, 0.75], [0.6, 1.2])
    rear = np.column_stack([np.full(8, 10.1 - number), across.ravel(), up.ravel() - 2])
    x, y = np.meshgrid(np.arange(2.0, 30.0), np.arange(-10.0, 11.0))
    ground = np.column_stack([x.ravel(), y.ravel(), np.full(x.size, -2.05)])
    points = np.concatenate([rear, ground])
    return np.column_stack([points, np.full(len(points), 0.5)]).astype(np.float32)
