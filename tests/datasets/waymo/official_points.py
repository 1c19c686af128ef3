"""Run within an environment that has Waymo's package: its own reading of a segment's components.

Usage: PYTHON official_points.py FOLDER SEGMENT OUT: FOLDER holds a folder per component, OUT is an
.npz file with the points of each frame by its time; it prints JSON: how many rows of each component
opened. It imports nothing of this project.
"""

import json
import sys
from pathlib import Path


def main() -> None:
    import numpy as np
    import pyarrow.parquet as pq
    from waymo_open_dataset import v2
    from waymo_open_dataset.v2.perception.utils import lidar_utils

    kinds = {
        "lidar": v2.LiDARComponent,
        "lidar_pose": v2.LiDARPoseComponent,
        "lidar_calibration": v2.LiDARCalibrationComponent,
        "lidar_box": v2.LiDARBoxComponent,
        "vehicle_pose": v2.VehiclePoseComponent,
        "camera_image": v2.CameraImageComponent,
        "camera_calibration": v2.CameraCalibrationComponent,
        "stats": v2.StatsComponent,
    }
    folder, segment = Path(sys.argv[1]), sys.argv[2]
    opened = {}
    for name, kind in kinds.items():
        path = folder / name / f"{segment}.parquet"
        if path.exists():
            rows = pq.ParquetFile(path).read().to_pylist()
            opened[name] = [kind.from_dict(row) for row in rows]

    poses = {row.key.frame_timestamp_micros: row for row in opened["vehicle_pose"]}
    pixels = {_key(row): row.range_image_return1 for row in opened["lidar_pose"]}
    lasers = {row.key.laser_name: row for row in opened["lidar_calibration"]}
    clouds = {}
    for row in sorted(opened["lidar"], key=_key):
        time_us, laser = _key(row)
        pixel_pose = pixels.get((time_us, laser))
        for image in (row.range_image_return1, row.range_image_return2):
            if image is not None and image.values is not None and len(image.values):
                points = lidar_utils.convert_range_image_to_point_cloud(
                    image, lasers[laser], pixel_pose, pixel_pose and poses[time_us], True
                )
                clouds.setdefault(str(time_us), []).append(points.numpy())
    np.savez(sys.argv[3], **{time_us: np.concatenate(parts) for time_us, parts in clouds.items()})
    print(json.dumps({name: len(rows) for name, rows in opened.items()}))


def _key(row):
    return row.key.frame_timestamp_micros, row.key.laser_name


if __name__ == "__main__":
    main()
