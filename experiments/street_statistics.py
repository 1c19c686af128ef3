"""`python -m experiments.street_statistics FOLDER ...`: how data sets err, side by side.

Each folder is a workspace of this project whose data set is indexed (`data/index`); where it has
detections (`data/boxes2d`), those are looked at too. Nothing is trained, lifted or scored: the
figures say of which kind the errors are that labels are made from. docs/simulation.md compares the
simulator with a street by them.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
from pydantic import ValidationError
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

from cm3d.errors import InputError
from cm3d.execution.arguments import Arguments
from cm3d.execution.stage import run_program
from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat, NDArrayInt
from cm3d.geometry.cameras import outline_boxes
from cm3d.geometry.cuboids import box_corners, points_by_box, rotate_xy
from cm3d.geometry.overlap import image_iou
from cm3d.geometry.se3 import SE3
from cm3d.params import Dataset, data_root, read_yaml
from cm3d.sensors.card import Sensors, read_card
from cm3d.sensors.lidar import read_sweep
from cm3d.tables import Boxes2D, Cameras, Frames, GroundTruth, Sweeps, layout, scene_names

Statistics = dict[str, float]

_CAR: Final = "car"
_NO_STREET_USERS: Final = ("traffic_cone", "barrier")
_LEAST_POINTS: Final = 5
_FARTHEST_M: Final = 60.0
_RANGES_M: Final = (0, 10, 20, 30, 50)
# Returns of the ground below a car, and of its roof.
_GROUND_M: Final = 0.3
_ROOF_SHARE: Final = 0.8
_DEEP_M: Final = 0.3

_FOUND_IOU: Final = 0.4
_ONE_OBJECT_IOU: Final = 0.7
_TOUCHING_IOU: Final = 0.05
_LEAST_IN_IMAGE: Final = 0.5
_SAME_PLACE_M: Final = 3.0
_RECURRING: Final = 3


def depth_behind_faces(
    points_m: NDArrayFloat, sensor_m: NDArrayFloat, size_m: NDArrayFloat
) -> NDArrayFloat:
    """How far points lie behind the nearest side of their box that the sensor sees.

    Args:
        points_m: (N, 3) in the frames of their boxes: origin in the centre, x forward.
        sensor_m: (N, 3) the sensor, in the same frames.
        size_m: (N, 3) length, width, height of their boxes.

    Returns:
        (N,) metres, at right angles to the side; NaN where no side is seen.
    """
    half_m = size_m[:, :2] / 2
    side = np.sign(sensor_m[:, :2])
    behind_m = half_m - side * points_m[:, :2]
    seen = np.abs(sensor_m[:, :2]) > half_m
    nearest_m = np.where(seen, behind_m, np.inf).min(axis=1)
    return np.where(np.isfinite(nearest_m), nearest_m, np.nan)


def repeated(happens: NDArrayBool, key: NDArrayInt, time: NDArrayInt) -> tuple[int, int]:
    """How often something that happens to a key has happened to it the time before.

    Args:
        happens: (N,) whether it happens, to each key at some times.
        key: (N,) whom.
        time: (N,) when; only neighbouring times count.

    Returns:
        How often it happened twice in a row, and how often it could have.
    """
    order = np.lexsort((time, key))
    key, time, happens = key[order], time[order], happens[order]
    first = (key[1:] == key[:-1]) & (time[1:] == time[:-1] + 1) & happens[:-1]
    return int(np.sum(first & happens[1:])), int(np.sum(first))


def places(position_m: NDArrayFloat) -> NDArrayInt:
    """Number of the place (N,) of each position (N, 2): links of up to 3 m make one."""
    if not len(position_m):
        return np.empty(0, dtype=np.int64)
    pairs = KDTree(position_m).query_pairs(_SAME_PLACE_M, output_type="ndarray")
    linked = coo_matrix((np.ones(len(pairs)), pairs.T), shape=(len(position_m),) * 2)
    return np.asarray(connected_components(linked, directed=False)[1], dtype=np.int64)


def lidar_statistics(index: Path, sensors: Sensors) -> Statistics:
    """Where the points of cars lie, over all keyframes of an index."""
    depths_m, heights, ranges_m, counts = (list[NDArrayFloat]() for _ in range(4))
    for scene in scene_names(index / layout.FRAMES.name):
        sweeps = Sweeps.read(index / layout.SWEEPS.name / f"{scene}.parquet")
        truth = GroundTruth.read(index / layout.GROUND_TRUTH.name / f"{scene}.parquet")
        for sweep in (sweeps[row : row + 1] for row in np.flatnonzero(sweeps.sweep_index == 0)):
            cars = truth[(truth.sample_token == sweep.sample_token[0]) & (truth.class_name == _CAR)]
            global_SE3_lidar = SE3.from_pose(sweep.global_SE3_lidar[0])
            points = read_sweep(sensors.root / sweep.path[0], sensors.lidar)[:, :3]
            points_m = global_SE3_lidar.transform_points(points.astype(np.float64))
            eye_m = global_SE3_lidar.translation_m
            depth_m, height, count = _on_cars(points_m, eye_m, cars)
            depths_m.append(depth_m)
            heights.append(height)
            ranges_m.append(np.linalg.norm(cars.center_m[:, :2] - eye_m[:2], axis=1))
            counts.append(count)
    depth_m, height = np.concatenate(depths_m), np.concatenate(heights)
    return _of_depths(depth_m, height) | _of_counts(
        np.concatenate(ranges_m), np.concatenate(counts)
    )


def _on_cars(
    points_m: NDArrayFloat, eye_m: NDArrayFloat, cars: GroundTruth
) -> tuple[NDArrayFloat, NDArrayFloat, NDArrayFloat]:
    """Depths and relative heights of the points on cars of enough points, and points per car."""
    boxes = cars.cuboids
    box, point = points_by_box(points_m, boxes)
    offset_m = points_m[point] - boxes.center_m[box]
    raised = offset_m[:, 2] > _GROUND_M - boxes.height_m[box] / 2
    box, offset_m = box[raised], offset_m[raised]
    count = np.bincount(box, minlength=len(boxes))
    enough = count[box] >= _LEAST_POINTS
    box, offset_m = box[enough], offset_m[enough]
    turn_rad = -boxes.yaw_rad[box]
    offset_m[:, :2] = rotate_xy(offset_m[:, :2], turn_rad)
    sensor_m = eye_m - boxes.center_m[box]
    sensor_m[:, :2] = rotate_xy(sensor_m[:, :2], turn_rad)
    depth_m = depth_behind_faces(offset_m, sensor_m, boxes.size_m[box])
    return depth_m, offset_m[:, 2] / boxes.height_m[box] + 0.5, count.astype(np.float64)


def _of_depths(depth_m: NDArrayFloat, height: NDArrayFloat) -> Statistics:
    seen = np.isfinite(depth_m)
    depth_m, height = depth_m[seen], height[seen]
    if not len(depth_m):
        return {}
    deep, roof = depth_m > _DEEP_M, height > _ROOF_SHARE
    quantiles = {f"behind the seen face, {q}% [m]": q for q in (10, 25, 50, 75, 90)}
    return {
        **{name: float(np.percentile(depth_m, q)) for name, q in quantiles.items()},
        f"share of points > {_DEEP_M} m behind": float(deep.mean()),
        "... of them in the upper fifth (roof)": float((deep & roof).mean()),
        "... of them below (bonnet, cabin)": float((deep & ~roof).mean()),
    }


def _of_counts(range_m: NDArrayFloat, count: NDArrayFloat) -> Statistics:
    return {
        f"points per car at {low} to {high} m, median": float(np.median(count[there]))
        for low, high in pairwise(_RANGES_M)
        if np.any(there := (range_m >= low) & (range_m < high) & (count > 0))
    }


def detection_statistics(index: Path, boxes2d: Path) -> Statistics:
    """How 2D detections err, over all keyframes of an index."""
    totals, images = np.zeros(10), 0
    for scene in scene_names(index / layout.FRAMES.name):
        frames = Frames.read(index / layout.FRAMES.name / f"{scene}.parquet")
        cameras = Cameras.read(index / layout.CAMERAS.name / f"{scene}.parquet")
        truth = GroundTruth.read(index / layout.GROUND_TRUTH.name / f"{scene}.parquet")
        boxes = Boxes2D.read(boxes2d / f"{scene}.parquet")
        totals += _scene_errors(frames, cameras, truth, boxes)
        images += len(cameras)
    again, could, missed, objects, doubled, cells, next_to, with_next, in_places, phantoms = totals
    return {
        "share of objects on images that are missed": missed / max(objects, 1),
        "a miss follows a miss": again / max(could, 1),
        "found objects with two classes": doubled / max(cells, 1),
        "phantoms per image": phantoms / max(images, 1),
        "a phantom follows a phantom at its place": next_to / max(with_next, 1),
        f"phantoms in places seen in {_RECURRING} keyframes": in_places / max(phantoms, 1),
    }


def _scene_errors(
    frames: Frames, cameras: Cameras, truth: GroundTruth, boxes: Boxes2D
) -> NDArrayFloat:
    """Ten counts of one scene, see `detection_statistics`."""
    keyframe = {token: step for step, token in enumerate(frames.sample_token)}
    instance = {token: row for row, token in enumerate(sorted(set(truth.instance_token)))}
    seen, found = (np.zeros((len(instance), len(frames)), dtype=bool) for _ in range(2))
    doubled = cells = on_images = missed = 0
    spots_m, steps = [np.empty((0, 2))], [np.empty(0, dtype=np.int64)]
    for camera in (cameras[image : image + 1] for image in range(len(cameras))):
        step = keyframe[camera.sample_token[0]]
        ego = SE3.from_pose(frames.global_SE3_ego[step])
        objects = truth[truth.sample_token == camera.sample_token[0]]
        outline_px, asked = _outlines(camera, objects, ego)
        own = boxes[boxes.camera_token == camera.camera_token[0]]
        iou = image_iou(outline_px, own.box_px)
        hit = (iou >= _FOUND_IOU).any(axis=1)
        row = np.array([instance[token] for token in objects.instance_token], dtype=np.int64)
        seen[row[asked], step] = True
        found[row[asked & hit], step] = True
        on_images += int(asked.sum())
        missed += int((asked & ~hit).sum())
        cells += int((asked & hit).sum())
        doubled += int(np.sum(asked & hit & _two_classes(iou, own)))
        in_vain = own[~(iou > _TOUCHING_IOU).any(axis=0)]
        spot_m = _feet(camera, in_vain, ego)
        spots_m.append(spot_m)
        steps.append(np.full(len(spot_m), step))
    key, time = np.nonzero(seen)
    again, could = repeated(~found[key, time], key, time)
    place, when = places(np.concatenate(spots_m)), np.concatenate(steps)
    there = np.zeros((int(place.max(initial=-1)) + 1, len(frames)), dtype=bool)
    there[place, when] = True
    follows = int(np.sum(there[:, 1:] & there[:, :-1]))
    in_places = int(np.sum(there.sum(axis=1)[place] >= _RECURRING))
    counts = [again, could, missed, on_images, doubled, cells, follows, there[:, :-1].sum()]
    return np.array([*counts, in_places, len(place)], dtype=np.float64)


def _outlines(
    camera: Cameras, objects: GroundTruth, global_SE3_ego: SE3
) -> tuple[NDArrayFloat, NDArrayBool]:
    """Outlines (N, 4) of objects on an image, and which a detector should find there."""
    camera_SE3_global = SE3.from_pose(camera.global_SE3_camera[0]).inverse()
    corners_m = box_corners(objects.cuboids)
    in_camera_m = camera_SE3_global.transform_points(corners_m.reshape(-1, 3)).reshape(-1, 8, 3)
    intrinsics_px = camera.intrinsics_px[0].reshape(3, 3)
    width_px, height_px = int(camera.width_px[0]), int(camera.height_px[0])
    outline_px = outline_boxes(in_camera_m, intrinsics_px, width_px, height_px)
    # The same outline on an image of three times the size, with this one in its middle.
    wider = intrinsics_px + np.array([[0, 0, width_px], [0, 0, height_px], [0, 0, 0]])
    whole_px = outline_boxes(in_camera_m, wider, 3 * width_px, 3 * height_px)
    inside = _area(outline_px) >= _LEAST_IN_IMAGE * np.maximum(_area(whole_px), 1e-9)
    range_m = np.linalg.norm((objects.center_m - global_SE3_ego.translation_m)[:, :2], axis=1)
    asked = inside & (_area(outline_px) > 0) & (objects.num_lidar_points >= _LEAST_POINTS)
    asked &= (range_m <= _FARTHEST_M) & ~np.isin(objects.class_name, _NO_STREET_USERS)
    return outline_px, asked


def _area(box_px: NDArrayFloat) -> NDArrayFloat:
    return np.asarray(np.prod(box_px[:, 2:] - box_px[:, :2], axis=1))


def _two_classes(iou: NDArrayFloat, boxes: Boxes2D) -> NDArrayBool:
    """Which objects (N,), of IoU (N, M) with M boxes, two boxes of different classes stand on."""
    if not len(boxes):
        return np.zeros(len(iou), dtype=bool)
    together = image_iou(boxes.box_px, boxes.box_px) >= _ONE_OBJECT_IOU
    together &= boxes.class_name[:, None] != boxes.class_name
    best = np.argmax(iou, axis=1)
    return np.asarray(together.any(axis=1)[best] & (iou.max(axis=1) >= _FOUND_IOU))


def _feet(camera: Cameras, boxes: Boxes2D, global_SE3_ego: SE3) -> NDArrayFloat:
    """Where boxes (N, 4) stand on flat ground (M, 2), global frame; those too far are left out."""
    middle_px = boxes.box_px[:, [0, 2]].mean(axis=1)
    foot_px = np.column_stack([middle_px, boxes.box_px[:, 3], np.ones(len(middle_px))])
    global_SE3_camera = SE3.from_pose(camera.global_SE3_camera[0])
    to_rays = np.linalg.inv(camera.intrinsics_px[0].reshape(3, 3))
    rays = global_SE3_camera.rotate(np.asarray(foot_px @ to_rays.T, np.float64))
    eye_m = global_SE3_camera.translation_m
    fall = np.minimum(rays[:, 2], -1e-6)
    way = (global_SE3_ego.translation_m[2] - eye_m[2]) / fall
    spot_m = eye_m[:2] + rays[:, :2] * way[:, None]
    away_m = np.linalg.norm(spot_m - eye_m[:2], axis=1)
    return np.asarray(spot_m[away_m <= _FARTHEST_M])


def statistics(folder: Path) -> Statistics:
    """All figures of one workspace.

    Raises:
        InputError: It has no index, or sensor files are missing.
    """
    index = folder / layout.INDEX
    card = read_card(folder / layout.CARD)
    root = folder / layout.RAW if card.embedded else _root(folder / "params.yaml")
    found = lidar_statistics(index, Sensors(root, card.lidar))
    boxes2d = folder / layout.BOXES2D
    return found | (detection_statistics(index, boxes2d) if boxes2d.is_dir() else {})


def _root(path: Path) -> Path:
    """Where a data set lies that parameters name; of other sections nothing is asked.

    Raises:
        InputError: They name none, or it is not there.
    """
    try:
        return data_root(Dataset.model_validate(read_yaml(path)["dataset"]))
    except (KeyError, ValidationError) as error:
        raise InputError(f"{path}: no section `dataset` as this project has it") from error


def as_markdown(columns: Sequence[tuple[str, Statistics]]) -> Iterator[str]:
    """A table with a row per figure and a column per data set."""
    names = [name for name, _ in columns]
    yield f"| | {' | '.join(names)} |"
    yield f"|---|{'---|' * len(names)}"
    for figure in dict.fromkeys(key for _, column in columns for key in column):
        cells = [f"{column[figure]:.2f}" if figure in column else "" for _, column in columns]
        yield f"| {figure} | {' | '.join(cells)} |"


def main(arguments: Iterable[str] | None = None) -> None:
    """Print the figures of the folders that the command line names."""
    parser = Arguments("experiments.street_statistics", __doc__)
    parser.add_argument("folders", nargs="+", type=Path, help="workspaces with data/index")
    folders = parser.parse_args(None if arguments is None else [*arguments]).folders
    columns = [(folder.resolve().name, statistics(folder)) for folder in folders]
    print("\n".join(as_markdown(columns)))


if __name__ == "__main__":
    run_program(main)
