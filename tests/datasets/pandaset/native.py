"""A small data set in PandaSet's own layout.

The car drives along +x of the world, half a metre per sweep, its pose 0.1 m above the world's
origin and 2 m to its left; x of its frame is to the right, -y of the world. The Pandar64 is 0.66 m
ahead of the pose and 1.85 m above.
"""

import gzip
import json
import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

SWEEPS = 11
START_S = 1_557_539_956.5
SPEED_M = 0.5  # per sweep
CAMERAS = ("back_camera", "front_camera")
WIDTH_PX, HEIGHT_PX = 96, 54
FACING_X = {"w": np.sqrt(0.5), "x": 0.0, "y": 0.0, "z": -np.sqrt(0.5)}  # its y axis along +x
AHEAD = {"w": 0.5, "x": -0.5, "y": 0.5, "z": -0.5}  # z axis along +x, y axis down

# In the world: 10 m ahead of where the Pandar64 is first, 3 m to its left; of the forward LiDAR.
POINTS = pd.DataFrame(
    {
        "x": [10.66, 0.66, 20.0, 10.0],
        "y": [2.0, 5.0, 2.0, 2.0],
        "z": [1.95, 1.95, 1.0, 0.5],
        "i": [0.0, 255.0, 7.0, 51.0],
        "t": [START_S] * 4,
        "d": [0, 0, 1, 0],
    }
)


def cuboid(uuid: str, label: str, x: float, y: float, **changes: Any) -> dict[str, Any]:
    """A box that looks along +x: a yaw of 0 would look along +y."""
    return {
        "uuid": uuid,
        "label": label,
        "yaw": -np.pi / 2,
        "stationary": False,
        "camera_used": -1,
        "position.x": x,
        "position.y": y,
        "position.z": 0.5,
        "dimensions.x": 1.9,
        "dimensions.y": 4.6,
        "dimensions.z": 1.7,
        "attributes.object_motion": np.nan,
        "cuboids.sibling_id": "-",
        "cuboids.sensor_id": -1,
        "attributes.rider_status": np.nan,
        "attributes.pedestrian_behavior": np.nan,
        "attributes.pedestrian_age": np.nan,
    } | changes


def boxes_at(number: int) -> list[dict[str, Any]]:
    """A car at 10 m that drives 1 m per sweep and has a box of each LiDAR, a walker, a sign."""
    x_m = 10.0 + number
    moving = {"attributes.object_motion": "Moving"}
    return [
        cuboid("gt", "Car", x_m + 0.2, 2.0, **moving | sibling("p64", 1)),
        cuboid("p64", "Car", x_m, 2.0, **moving | sibling("gt", 0)),
        cuboid("walker", "Pedestrian", 5.0, 5.0, **{"attributes.pedestrian_behavior": "Walking"}),
        cuboid("sign", "Signs", 8.0, 8.0),
    ]


def sibling(uuid: str, sensor: int) -> dict[str, Any]:
    """Columns of a box that one LiDAR sees, 0 or 1, whose other box is called so."""
    return {"cuboids.sibling_id": uuid, "cuboids.sensor_id": sensor}


def write_native(
    root: Path, sequences: Sequence[str] = ("001", "005"), sweeps: int = SWEEPS
) -> None:
    """Write such a data set."""
    for name in sequences:
        write_sequence(root / name, sweeps)


def write_sequence(folder: Path, sweeps: int = SWEEPS) -> None:
    """Write one sequence."""
    times_s = [START_S + 0.1 * number for number in range(sweeps)]
    positions = [{"x": SPEED_M * k, "y": 2.0, "z": 0.1} for k in range(sweeps)]
    for number in range(sweeps):
        write_frame(folder / f"lidar/{number:02d}.pkl.gz", POINTS)
        write_frame(
            folder / f"annotations/cuboids/{number:02d}.pkl.gz", pd.DataFrame(boxes_at(number))
        )
    write_json(folder / "lidar/timestamps.json", times_s)
    poses = [{"position": p, "heading": FACING_X} for p in positions]
    write_json(folder / "lidar/poses.json", poses)
    for camera in CAMERAS:
        place = folder / "camera" / camera
        write_json(place / "timestamps.json", [time_s - 0.05 for time_s in times_s])
        write_json(place / "intrinsics.json", {"fx": 90.0, "fy": 91.0, "cx": 48.0, "cy": 27.0})
        seen_from = [{"position": p | {"z": 1.7}, "heading": AHEAD} for p in positions]
        write_json(place / "poses.json", seen_from)
        image = np.full((HEIGHT_PX, WIDTH_PX, 3), 90, np.uint8)
        for number in range(sweeps):
            cv2.imwrite(str(place / f"{number:02d}.jpg"), image)
    write_json(folder / "meta/gps.json", [{"lat": 37.8, "long": -122.4}] * sweeps)
    write_json(folder / "meta/timestamps.json", times_s)


def write_frame(path: Path, frame: pd.DataFrame, protocol: int = 4) -> None:
    """Write a table as PandaSet has it: texts are cells of any kind, as in pandas before 3."""
    plain = frame.astype({name: object for name, kind in frame.dtypes.items() if kind == "str"})
    plain.columns = pd.Index(list(frame.columns), dtype=object)
    write_pickle(path, pickle.dumps(plain, protocol))


def write_pickle(path: Path, content: bytes) -> None:
    """Compress a pickle."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content, 1))


def write_json(path: Path, content: Mapping[str, Any] | Sequence[Any]) -> None:
    """Write a JSON file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
