"""Draw the pictures of docs/simulation.md: `PYTHONPATH=src python docs/make_simulation_figures.py`.

Simulates one scene into a temporary folder and reads it back with nuScenes' own devkit.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import cv2
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from nuscenes import NuScenes
from nuscenes.map_expansion.map_api import NuScenesMap
from nuscenes.utils.data_classes import LidarPointCloud
from nuscenes.utils.geometry_utils import transform_matrix
from pyquaternion import Quaternion

from cm3d.geometry.arrays import NDArrayByte
from cm3d.params import load_params
from cm3d.sensors.instances import instance_image_path, read_instances
from cm3d.simulation.database.assembly import assemble_database
from cm3d.simulation.recorder import simulate_scene
from cm3d.simulation.schedule import scene_plan

IMAGES: Final = Path(__file__).parent / "images"
VERSION: Final = "v1.0-trainval"
ROWS: Final = (
    ("CAM_FRONT_LEFT", "CAM_FRONT", "CAM_FRONT_RIGHT"),
    ("CAM_BACK_LEFT", "CAM_BACK", "CAM_BACK_RIGHT"),
)
RANGE_M: Final = 50.0


def main() -> None:
    """Simulate, then draw all pictures."""
    params = load_params()
    short = params.simulation.model_copy(update={"keyframes_per_scene": 2})
    plans = scene_plan(short)[:1]
    with TemporaryDirectory() as folder:
        root = Path(folder)
        simulate_scene(plans[0], params.seed, short, root)
        assemble_database(root, VERSION, plans, params.seed)
        nusc = NuScenes(VERSION, str(root), verbose=False)
        sample = nusc.sample[-1]
        IMAGES.mkdir(exist_ok=True)
        _write("cameras", _montage({c: _photograph(nusc, sample, c) for row in ROWS for c in row}))
        _write("boxes", _montage({c: _annotated(nusc, sample, c) for row in ROWS for c in row}))
        _write("instances", _montage({c: _instances(nusc, sample, c) for row in ROWS for c in row}))
        _draw_from_above(nusc, sample, plans[0].location)


def _photograph(nusc: Any, sample: Any, channel: str) -> NDArrayByte:
    return np.asarray(cv2.imread(nusc.get_sample_data_path(sample["data"][channel])))


def _annotated(nusc: Any, sample: Any, channel: str) -> NDArrayByte:
    """LiDAR coloured by distance, and ground-truth boxes."""
    lidar, camera = sample["data"]["LIDAR_TOP"], sample["data"][channel]
    points, depth_m, _ = nusc.explorer.map_pointcloud_to_image(lidar, camera)
    image = _photograph(nusc, sample, channel)
    colors = mpl.colormaps["turbo_r"](np.clip(depth_m / RANGE_M, 0, 1))[:, 2::-1] * 255
    for (u, v), color in zip(points[:2].T.astype(int).tolist(), colors.tolist(), strict=True):
        cv2.circle(image, (u, v), 1, color, -1)
    _, boxes, intrinsics_px = nusc.get_sample_data(camera)
    for box in boxes:
        box.render_cv2(image, intrinsics_px, normalize=True, colors=((0, 255, 255),) * 3)
    return image


def _instances(nusc: Any, sample: Any, channel: str) -> NDArrayByte:
    ids = read_instances(Path(nusc.dataroot) / instance_image_path(sample["data"][channel]))
    hues = (ids * 47 % 180).astype(np.uint8)
    on_object = np.where(ids > 0, 255, 0).astype(np.uint8)
    hsv = cv2.merge([hues, on_object, on_object])
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR), dtype=np.uint8)


def _montage(pictures: dict[str, NDArrayByte]) -> NDArrayByte:
    full = np.vstack([np.hstack([pictures[channel] for channel in row]) for row in ROWS])
    small = cv2.resize(full, (1600, 600), interpolation=cv2.INTER_AREA)
    return np.asarray(small, dtype=np.uint8)


def _write(name: str, image: NDArrayByte) -> None:
    path = IMAGES / f"simulation_{name}.jpg"
    cv2.imwrite(str(path), image, [cv2.IMWRITE_JPEG_QUALITY, 80])


def _draw_from_above(nusc: Any, sample: Any, location: str) -> None:
    """One sweep, boxes and lanes around the ego vehicle, north up."""
    lidar = nusc.get("sample_data", sample["data"]["LIDAR_TOP"])
    ego = nusc.get("ego_pose", lidar["ego_pose_token"])
    x, y, _ = ego["translation"]
    figure, axes = plt.subplots(figsize=(8, 8))
    for line in NuScenesMap(nusc.dataroot, location).discretize_centerlines(1.0):
        axes.plot(line[:, 0] - x, line[:, 1] - y, color="0.8", linewidth=6, zorder=0)
    points = _global_points(nusc, lidar, ego)
    axes.scatter(points[0] - x, points[1] - y, s=0.3, c=points[2], cmap="viridis", vmax=4)
    for box in nusc.get_boxes(lidar["token"]):
        corners = box.bottom_corners()[:2, [0, 1, 2, 3, 0]]
        axes.plot(corners[0] - x, corners[1] - y, color="tab:red", linewidth=1)
    axes.set(xlim=(-RANGE_M, RANGE_M), ylim=(-RANGE_M, RANGE_M), xlabel="east (m)")
    axes.set(ylabel="north (m)", aspect="equal")
    figure.savefig(IMAGES / "simulation_from_above.jpg", dpi=100, bbox_inches="tight")
    plt.close(figure)


def _global_points(nusc: Any, lidar: Any, ego: Any) -> Any:
    cloud = LidarPointCloud.from_file(nusc.get_sample_data_path(lidar["token"]))
    mounting = nusc.get("calibrated_sensor", lidar["calibrated_sensor_token"])
    for pose in (mounting, ego):
        cloud.transform(transform_matrix(pose["translation"], Quaternion(pose["rotation"])))
    return cloud.points


if __name__ == "__main__":
    main()
