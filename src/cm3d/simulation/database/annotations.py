"""Ground truth of a keyframe: the boxes of the objects that the LiDAR saw."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from cm3d.geometry.angles import direction_of
from cm3d.geometry.arrays import NDArrayFloat, NDArrayInt
from cm3d.geometry.cuboids import Cuboids, points_in_boxes
from cm3d.geometry.se3 import SE3
from cm3d.simulation.database.records import Row, pose_fields, token
from cm3d.simulation.sensors.lidar import Sweep
from cm3d.simulation.world import Actor

CATEGORIES: Final = (
    "human.pedestrian.adult",
    "human.pedestrian.child",
    "human.pedestrian.wheelchair",
    "human.pedestrian.stroller",
    "human.pedestrian.personal_mobility",
    "human.pedestrian.police_officer",
    "human.pedestrian.construction_worker",
    "animal",
    "vehicle.car",
    "vehicle.motorcycle",
    "vehicle.bicycle",
    "vehicle.bus.bendy",
    "vehicle.bus.rigid",
    "vehicle.truck",
    "vehicle.construction",
    "vehicle.emergency.ambulance",
    "vehicle.emergency.police",
    "vehicle.trailer",
    "movable_object.barrier",
    "movable_object.trafficcone",
    "movable_object.pushable_pullable",
    "movable_object.debris",
    "static_object.bicycle_rack",
)
ATTRIBUTES: Final = (
    "vehicle.moving",
    "vehicle.stopped",
    "vehicle.parked",
    "cycle.with_rider",
    "cycle.without_rider",
    "pedestrian.moving",
    "pedestrian.standing",
    "pedestrian.sitting_lying_down",
)


@dataclass(frozen=True)
class Keyframe:
    """Where and when ground truth is wanted.

    Args:
        scene_name: The scene.
        sample_token: The keyframe.
        time_s: Its time on the world's clock.
    """

    scene_name: str
    sample_token: str
    time_s: float


def annotation_rows(
    keyframe: Keyframe,
    actors: Sequence[Actor],
    visibility: NDArrayInt,
    sweep: Sweep,
    global_SE3_lidar: SE3,
) -> list[Row]:
    """Rows of `sample_annotation`, not chained yet, for objects with at least one return.

    A return is a pulse that met the object and whose measured point lies in its box; the points
    that are counted may be of anything, as in nuScenes.

    Args:
        keyframe: Which keyframe.
        actors: A objects.
        visibility: (A,) nuScenes' levels.
        sweep: The keyframe's.
        global_SE3_lidar: The sensor's pose.
    """
    hit = [bool(np.any(sweep.instance_id == actor.instance_id)) for actor in actors]
    poses = [actor.global_SE3_object(keyframe.time_s) for actor in actors]
    counts = np.zeros(len(actors), dtype=np.int64)
    points_m = global_SE3_lidar.transform_points(sweep.points[:, :3].astype(np.float64))
    near = np.flatnonzero(hit)
    counts[near] = count_points([actors[i] for i in near], [poses[i] for i in near], points_m)
    return [
        _row(keyframe, actors[i], poses[i], int(visibility[i]), int(counts[i]))
        for i in np.flatnonzero(counts)
    ]


def count_points(
    actors: Sequence[Actor], global_SE3_objects: Sequence[SE3], points_m: NDArrayFloat
) -> NDArrayInt:
    """How many points (N, 3), global frame, lie in the box of each of A actors, shape (A,)."""
    if not actors:
        return np.zeros(0, dtype=np.int64)
    length_m, width_m, height_m = np.array([[a.length_m, a.width_m, a.height_m] for a in actors]).T
    center_m = np.array([pose.translation_m for pose in global_SE3_objects])
    forward = np.array([pose.rotation[:, 0] for pose in global_SE3_objects])
    yaw_rad = direction_of(forward)
    inside = points_in_boxes(points_m, Cuboids(center_m, length_m, width_m, height_m, yaw_rad))
    return np.asarray(inside.sum(axis=1), dtype=np.int64)


def instance_token(scene_name: str, instance_id: int) -> str:
    """Key of an object in the `instance` table."""
    return token("instance", scene_name, instance_id)


def instance_rows(
    scene_name: str, actors: Sequence[Actor], annotations: Sequence[Row]
) -> list[Row]:
    """Rows of `instance` for the actors that have annotations, given in time order."""
    rows = []
    for actor in actors:
        key = instance_token(scene_name, actor.instance_id)
        own = [row["token"] for row in annotations if row["instance_token"] == key]
        if own:
            rows.append(
                {
                    "token": key,
                    "category_token": token("category", actor.category_name),
                    "nbr_annotations": len(own),
                    "first_annotation_token": own[0],
                    "last_annotation_token": own[-1],
                }
            )
    return rows


def _row(
    keyframe: Keyframe, actor: Actor, global_SE3_object: SE3, visibility: int, num_points: int
) -> Row:
    attribute = actor.attribute_name(keyframe.time_s)
    instance = instance_token(keyframe.scene_name, actor.instance_id)
    return {
        "token": token("annotation", keyframe.sample_token, actor.instance_id),
        "sample_token": keyframe.sample_token,
        "instance_token": instance,
        "visibility_token": str(visibility),
        "attribute_tokens": [token("attribute", attribute)] if attribute else [],
        **pose_fields(global_SE3_object),
        "size": [float(actor.width_m), float(actor.length_m), float(actor.height_m)],
        "num_lidar_pts": num_points,
        "num_radar_pts": 0,
    }
