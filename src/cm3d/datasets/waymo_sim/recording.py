"""A simulated drive as a segment in Waymo's format, with what the own 2D models need beside it."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from cm3d.datasets.waymo import components
from cm3d.datasets.waymo.cameras import DISTORTION, Camera
from cm3d.datasets.waymo.frames import FrameRecord, LabelledBox, Shot
from cm3d.datasets.waymo.segments import SPLIT_OF, Segment
from cm3d.datasets.waymo.writing import SegmentWriter
from cm3d.datasets.waymo_sim.lidar import Measured, measure
from cm3d.datasets.waymo_sim.rig import CAMERAS, FRAME_PERIOD_US, SCANNERS
from cm3d.errors import unwritable
from cm3d.params import Params
from cm3d.sensors.instances import FOLDER, instance_image_path
from cm3d.simulation.database.annotations import count_points, instance_token
from cm3d.simulation.database.records import (
    Row,
    digest,
    is_finished,
    write_digests,
    write_whole,
)
from cm3d.simulation.drive import Drive, Photograph
from cm3d.simulation.schedule import ScenePlan, Timeline
from cm3d.simulation.traffic.actors import Actor

_FOLDER_OF: Final = {split: folder for folder, split in SPLIT_OF.items()}
_NUMBER_OF: Final = {channel: number for number, channel in components.CAMERAS.items()}

# Types by the beginning of nuScenes' categories; cones and barriers have none. Parked bicycles are
# labelled like ridden ones, which Waymo's annotators leave out.
_KINDS: Final = {"human.": "PEDESTRIAN", "vehicle.bicycle": "CYCLIST", "vehicle.": "VEHICLE"}


def segment_of(plan: ScenePlan, root: Path) -> Segment:
    """The segment that a scene is written as, below the folder of its split in a root."""
    return Segment(root / _FOLDER_OF[plan.split], plan.scene_name, True)


def record_segment(name: str, plans: Mapping[str, ScenePlan], params: Params, raw: Path) -> None:
    """Write a scene's segment, its instance-id images, and last the digests of all of them.

    A finished scene is left alone; one that was damaged is made again.

    Args:
        name: Of the scene.
        plans: Of all scenes.
        params: Seed, scale and sensors.
        raw: Folder of the data set.

    Raises:
        InputError: The folder cannot be written.
    """
    if is_finished(raw, name):
        return
    plan, scale = plans[name], params.simulation.image_scale
    drive = Drive.of(plan, params.seed, params.simulation, CAMERAS)
    segment = segment_of(plan, raw / params.dataset.version)
    files = [segment.path(c) for c in (*components.NEEDED, components.LIDAR_BOX)]
    on_images: dict[str, list[Row]] = {}
    duration_us = round(Timeline(params.simulation.keyframes_per_scene).duration_s * 1e6)
    lasers = [scanner.laser for scanner in SCANNERS]
    try:
        with SegmentWriter(segment, lasers, _cameras(drive, scale)) as writer:
            for frame_us in range(0, duration_us + 1, FRAME_PERIOD_US):
                photographs = {m.channel: drive.photograph(m, frame_us) for m in CAMERAS}
                record = _frame(drive, frame_us, photographs)
                writer.add(record)
                for channel, photograph in photographs.items():
                    token = f"{name}-{record.time_us}-{channel}"
                    on_images[token] = photograph.entries
                    files.append(raw / instance_image_path(token))
                    write_whole(files[-1], photograph.instances_png)
        files.append(raw / FOLDER / f"{name}.json")
        write_whole(files[-1], json.dumps(on_images).encode())
        write_digests(raw, name, {str(path.relative_to(raw)): digest(path) for path in files})
    except OSError as error:
        raise unwritable(raw, error) from error


def _cameras(drive: Drive, scale: float) -> list[Camera]:
    """How files say that cameras are mounted; their lenses are ideal."""
    return [
        Camera(
            _NUMBER_OF[mount.channel],
            *mount.scaled_px(scale),
            mount.intrinsics_px(scale),
            np.zeros(len(DISTORTION)),
            drive.written.ego_SE3_sensor(mount.channel),
        )
        for mount in CAMERAS
    ]


def _frame(drive: Drive, frame_us: int, photographs: Mapping[str, Photograph]) -> FrameRecord:
    measured = [measure(drive, scanner, frame_us) for scanner in SCANNERS]
    start_us = drive.plan.start_us
    shots = [
        Shot(
            _NUMBER_OF[channel],
            photograph.jpeg,
            start_us + photograph.time_us,
            drive.written_global_SE3_ego(photograph.time_us),
        )
        for channel, photograph in photographs.items()
    ]
    pose = drive.written_global_SE3_ego(frame_us)
    scans = [of_laser.scan for of_laser in measured]
    return FrameRecord(
        start_us + frame_us, pose, scans, shots, labelled_boxes(drive, frame_us, measured)
    )


def labelled_boxes(drive: Drive, frame_us: int, measured: Sequence[Measured]) -> list[LabelledBox]:
    """Boxes of what a pulse met, by the true poses; the first of `measured` is the top LiDAR."""
    met = np.unique(np.concatenate([of_laser.instance_ids for of_laser in measured]))
    actors = [a for a in drive.world.actors if kind_of(a) and a.instance_id in met]
    poses = [actor.global_SE3_object(frame_us / 1e6) for actor in actors]
    inside = np.array([count_points(actors, poses, m.points_m) for m in measured])
    vehicle_SE3_global = drive.global_SE3_ego(frame_us).inverse()
    boxes = []
    for actor, pose, counts in zip(actors, poses, inside.T, strict=True):
        if not counts.any():
            continue
        standing = vehicle_SE3_global @ pose
        boxes.append(
            LabelledBox(
                instance_token(drive.plan.scene_name, actor.instance_id),
                kind_of(actor),
                standing.translation_m.tolist(),
                [actor.length_m, actor.width_m, actor.height_m],
                float(np.arctan2(standing.rotation[1, 0], standing.rotation[0, 0])),
                [*actor.velocity_mps(frame_us / 1e6).tolist(), 0.0],
                (int(counts.sum()), int(counts[0])),
            )
        )
    return boxes


def kind_of(actor: Actor) -> str:
    """Waymo's type of an object; empty where it has none."""
    return next((k for start, k in _KINDS.items() if actor.category_name.startswith(start)), "")
