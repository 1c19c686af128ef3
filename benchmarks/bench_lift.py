"""Lifting one frame, against a peer that takes mask after mask.

The peer is what a direct reading of the paper's section 3.1 gives, and how its release works:
for every mask decode and erode the image, transform and project all points, look them up, build
the whole distance matrix. Both give the same boxes, which is checked. The frame is the real
keyframe ($CM3D_REAL_KEYFRAME) or, without it, random points and elliptic masks.
"""

import json
import os
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from pycocotools import mask as coco_mask
from rich.console import Console
from rich.table import Table
from scipy.spatial.distance import cdist

from cm3d.datasets.database import NuScenesTables
from cm3d.datasets.nuscenes import index_scene
from cm3d.geometry.arrays import NDArrayFloat, NDArrayInt
from cm3d.geometry.camera import inside_image, project_points, scale_intrinsics
from cm3d.geometry.se3 import SE3
from cm3d.lift.mask_points import points_in_masks
from cm3d.lift.medoid import medoids
from cm3d.params import Lift, load_params
from cm3d.sensors.lidar import accumulate
from cm3d.tables import Cameras, Masks
from cm3d.tables.vocabulary import CAMERA_CHANNELS, CLASS_NAMES

_KEYFRAME = Path(os.environ.get("CM3D_REAL_KEYFRAME", "../shared/real/nuscenes-keyframe")).resolve()
_WIDTH_PX, _HEIGHT_PX = 1024, 576


class Frame(NamedTuple):
    """What lifting reads of a keyframe: points (N, 3) in the global frame, masks, cameras."""

    points_m: NDArrayFloat
    masks: Masks
    cameras: Cameras


def main() -> None:
    """Measure both and print the table."""
    params = load_params().lift
    real = _KEYFRAME.is_dir()
    frame = real_frame(params) if real else random_frame()
    ours, peer = lift_at_once(frame, params), lift_mask_by_mask(frame, params)
    np.testing.assert_array_equal(ours, peer)
    title = f"{'real' if real else 'random'} frame: {len(frame.points_m)} points"
    table = Table(title=f"medoids of {len(frame.masks)} masks, {title}")
    for heading in ("", "time (ms)", "peak memory (MB)"):
        table.add_column(heading, justify="right" if heading else "left")
    rows = {
        "cm3d.lift": measure(lift_at_once, frame, params, repeats=10),
        "mask by mask": measure(lift_mask_by_mask, frame, params, repeats=2),
    }
    for name, (time_ms, memory_mb) in rows.items():
        table.add_row(name, f"{time_ms:.1f}", f"{memory_mb:.1f}")
    ratio = np.divide(rows["mask by mask"], rows["cm3d.lift"])
    table.add_row("ratio", f"{ratio[0]:.0f}x", f"{ratio[1]:.1f}x")
    Console().print(table)


def lift_at_once(frame: Frame, params: Lift) -> NDArrayFloat:
    """Medoids (G, 3) as the pipeline finds them."""
    mask_rows, point_rows = points_in_masks(*frame, params)
    return medoids(frame.points_m[point_rows], mask_rows, params.min_points)[1]


def lift_mask_by_mask(frame: Frame, params: Lift) -> NDArrayFloat:
    """Medoids (G, 3), one mask after the other."""
    found = []
    for row in range(len(frame.masks)):
        inside = frame.points_m[peer_points_in_mask(frame, row, params)]
        if len(inside) >= params.min_points:
            found.append(inside[np.argmin(cdist(inside, inside).sum(axis=1))])
    return np.array(found).reshape(-1, 3)


def peer_points_in_mask(frame: Frame, row: int, params: Lift) -> NDArrayInt:
    """Rows of the points in one eroded mask."""
    points_m, masks, cameras = frame
    camera = int(np.flatnonzero(cameras.camera_token == masks.camera_token[row])[0])
    height_px, width_px = int(masks.height_px[row]), int(masks.width_px[row])
    image = coco_mask.decode({"size": [height_px, width_px], "counts": masks.rle[row]})
    side_px = params.erosion_kernel_px
    eroded = cv2.erode(image, np.ones((side_px, side_px), dtype=np.uint8))
    intrinsics_px = scale_intrinsics(
        cameras.intrinsics_px[camera].reshape(3, 3),
        width_px / cameras.width_px[camera],
        height_px / cameras.height_px[camera],
    )
    camera_SE3_global = SE3.from_pose(cameras.global_SE3_camera[camera]).inverse()
    pixels, depth_m = project_points(camera_SE3_global.transform_points(points_m), intrinsics_px)
    visible = np.flatnonzero(inside_image(pixels, depth_m, width_px, height_px, params.min_depth_m))
    columns, rows = pixels[visible].astype(np.int64).T
    return np.asarray(visible[eroded[rows, columns] == 1])


def measure(
    lift: Callable[[Frame, Lift], NDArrayFloat], frame: Frame, params: Lift, repeats: int
) -> tuple[float, float]:
    """Best time in ms and peak memory in MB."""
    times_s = []
    for _ in range(repeats):
        start_s = time.perf_counter()
        lift(frame, params)
        times_s.append(time.perf_counter() - start_s)
    tracemalloc.start()
    lift(frame, params)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return 1e3 * min(times_s), peak_bytes / 1e6


def real_frame(params: Lift) -> Frame:
    """The real keyframe with GrabCut masks of real detections."""
    scene = index_scene(NuScenesTables(_KEYFRAME, "v1.0-mini"), "scene-0061", 0, {})
    extent_m = params.ego_half_extent_m
    cloud = accumulate(_KEYFRAME, scene.sweeps, SE3.identity(), params.sweeps, extent_m)
    detections = json.loads((_KEYFRAME / "masks_grabcut.coco.json").read_text())
    masks = _masks(
        [detection["image_id"] for detection in detections],
        [detection["segmentation"]["counts"].encode() for detection in detections],
        [CLASS_NAMES[detection["category_id"] - 1] for detection in detections],
    )
    return Frame(cloud.xyz_m, masks, scene.cameras)


def random_frame(point_count: int = 35_000, mask_count: int = 128) -> Frame:
    """Points all around six cameras that look outward, and ellipses as masks."""
    generator = np.random.default_rng(0)
    points_m = generator.normal(0, [15, 15, 1], (point_count, 3))
    yaws_rad = np.linspace(0, 2 * np.pi, len(CAMERA_CHANNELS), endpoint=False)
    forward = SE3.from_pose(np.array([0.5, -0.5, 0.5, -0.5, 0, 0, 0]))
    poses = [(SE3.from_yaw(yaw, np.zeros(3)) @ forward).as_pose() for yaw in yaws_rad]
    rows = len(poses)
    cameras = Cameras.from_columns(
        camera_token=CAMERA_CHANNELS,
        sample_token=["frame"] * rows,
        channel=CAMERA_CHANNELS,
        path=[""] * rows,
        width_px=[1600] * rows,
        height_px=[900] * rows,
        intrinsics_px=[[1260, 0, 800, 0, 1260, 450, 0, 0, 1]] * rows,
        global_SE3_camera=poses,
    )
    encoded = [_ellipse(generator) for _ in range(mask_count)]
    tokens = [CAMERA_CHANNELS[row % rows] for row in range(mask_count)]
    return Frame(points_m, _masks(tokens, encoded, ["car"] * mask_count), cameras)


def _ellipse(generator: np.random.Generator) -> bytes:
    image = np.zeros((_HEIGHT_PX, _WIDTH_PX), dtype=np.uint8)
    center_px: list[int] = generator.integers([0, 200], [_WIDTH_PX, 400]).tolist()
    axes_px: list[int] = generator.integers([10, 10], [80, 60]).tolist()
    cv2.ellipse(image, center_px, axes_px, 0, 0, 360, (1,), cv2.FILLED)
    return bytes(coco_mask.encode(np.asfortranarray(image))["counts"])


def _masks(camera_tokens: list[Any], encoded: list[bytes], class_names: list[str]) -> Masks:
    rows = len(encoded)
    return Masks.from_columns(
        camera_token=camera_tokens,
        sample_token=["frame"] * rows,
        detection_id=range(rows),
        class_name=class_names,
        score=np.full(rows, 0.5),
        height_px=[_HEIGHT_PX] * rows,
        width_px=[_WIDTH_PX] * rows,
        rle=encoded,
    )


if __name__ == "__main__":
    main()
