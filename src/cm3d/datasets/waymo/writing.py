"""Segments in Waymo's format from what sensors measured: for tests, and for simulated drives."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cm3d.datasets.waymo.cameras import DISTORTION, SE3_OPTICAL, Camera
from cm3d.datasets.waymo.components import (
    CAMERA,
    CAMERA_CALIBRATION,
    CAMERA_IMAGE,
    LASER,
    LIDAR,
    LIDAR_BOX,
    LIDAR_CALIBRATION,
    LIDAR_CAMERA_PROJECTION,
    LIDAR_POSE,
    OBJECT,
    SEGMENT,
    TIME,
    TYPES,
    VEHICLE_POSE,
    Component,
)
from cm3d.datasets.waymo.frames import FrameRecord, LabelledBox, Shot
from cm3d.datasets.waymo.range_images import NO_RETURN, Image, Laser
from cm3d.datasets.waymo.reading import FIRST, SECOND
from cm3d.datasets.waymo.segments import Segment
from cm3d.geometry.se3 import SE3

_TYPE_OF: Final = {name: number for number, name in TYPES.items()}


class SegmentWriter:
    """Writes a segment frame by frame, a row group each, so that a frame costs what it weighs.

    Args:
        segment: Which one; without `has_boxes` boxes are not written.
        lasers: How LiDARs are mounted.
        cameras: How cameras are mounted.
    """

    def __init__(
        self, segment: Segment, lasers: Sequence[Laser], cameras: Sequence[Camera]
    ) -> None:
        """Nothing is written yet."""
        self._segment = segment
        self._lasers, self._cameras = lasers, cameras
        self._files = ExitStack()
        self._writers: dict[str, pq.ParquetWriter] = {}

    def __enter__(self) -> Self:
        """Open all files and write how sensors are mounted."""
        of_frames = [VEHICLE_POSE, LIDAR, LIDAR_POSE, CAMERA_IMAGE]
        if self._segment.has_boxes:
            of_frames.append(LIDAR_BOX)
        for component in (*of_frames, LIDAR_CALIBRATION, CAMERA_CALIBRATION):
            self._open(component)
        self._write(LIDAR_CALIBRATION, [_laser_row(laser) for laser in self._lasers])
        self._write(CAMERA_CALIBRATION, [_camera_row(camera) for camera in self._cameras])
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close all files."""
        self._files.close()

    def add(self, frame: FrameRecord) -> None:
        """Write one frame."""
        at = {TIME: frame.time_us}
        pose = {"world_from_vehicle.transform": _flat(frame.global_SE3_vehicle)}
        self._write(VEHICLE_POSE, [at | pose])
        scans = [
            at
            | {LASER: scan.laser}
            | _image_values(FIRST, scan.first)
            | _image_values(SECOND, _empty(scan.first) if scan.second is None else scan.second)
            for scan in frame.scans
        ]
        self._write(LIDAR, scans)
        posed = [
            at | {LASER: scan.laser} | _image_values(FIRST, scan.pixel_pose)
            for scan in frame.scans
            if scan.pixel_pose is not None
        ]
        self._write(LIDAR_POSE, posed)
        projected = [
            at
            | {LASER: scan.laser}
            | _image_values(FIRST, scan.places[0])
            | _image_values(SECOND, scan.places[1])
            for scan in frame.scans
            if scan.places is not None
        ]
        self._write(LIDAR_CAMERA_PROJECTION, projected)
        self._write(CAMERA_IMAGE, [at | _shot_row(shot) for shot in frame.shots])
        if self._segment.has_boxes:
            self._write(LIDAR_BOX, [at | _box_row(box) for box in frame.boxes])

    def _open(self, component: Component) -> None:
        path = self._segment.path(component)
        path.parent.mkdir(parents=True, exist_ok=True)
        writer = pq.ParquetWriter(path, component.schema, compression="zstd")
        self._writers[component.folder] = self._files.enter_context(writer)

    def _write(self, component: Component, rows: Sequence[Mapping[str, Any]]) -> None:
        if not rows:
            return
        if component.folder not in self._writers:  # an optional one
            self._open(component)
        names = [*component.keys, *component.values]
        columns = [
            pa.array([{SEGMENT: self._segment.name, **row}.get(n) for row in rows], type_)
            for n, type_ in zip(names, component.schema.types, strict=True)
        ]
        table = pa.Table.from_arrays(columns, schema=component.schema)
        self._writers[component.folder].write_table(table)


def _laser_row(laser: Laser) -> dict[str, Any]:
    return {
        LASER: laser.name,
        "extrinsic.transform": _flat(laser.vehicle_SE3_lidar),
        "beam_inclination.min": laser.lowest_rad,
        "beam_inclination.max": laser.highest_rad,
        "beam_inclination.values": laser.beams_rad,
    }


def _camera_row(camera: Camera) -> dict[str, Any]:
    matrix = camera.intrinsics_px
    intrinsics = {
        "f_u": matrix[0, 0],
        "f_v": matrix[1, 1],
        "c_u": matrix[0, 2],
        "c_v": matrix[1, 2],
        **dict(zip(DISTORTION, camera.distortion.tolist(), strict=True)),
    }
    return {
        CAMERA: camera.name,
        **{f"intrinsic.{name}": float(value) for name, value in intrinsics.items()},
        "extrinsic.transform": _flat(camera.vehicle_SE3_camera @ SE3_OPTICAL.inverse()),
        "width": camera.width_px,
        "height": camera.height_px,
        "rolling_shutter_direction": 0,
    }


def _shot_row(shot: Shot) -> dict[str, Any]:
    time_s = shot.time_us * 1e-6
    still = [f"velocity.{kind}_velocity.{axis}" for kind in ("linear", "angular") for axis in "xyz"]
    shutter = [f"rolling_shutter_params.camera_{what}_time" for what in ("trigger", "readout_done")]
    return {
        CAMERA: shot.camera,
        "image": shot.jpeg,
        "pose.transform": _flat(shot.global_SE3_vehicle),
        "pose_timestamp": time_s,
        "rolling_shutter_params.shutter": 0.0,
        **dict.fromkeys(shutter, time_s),
        **dict.fromkeys(still, 0.0),
    }


def _box_row(box: LabelledBox) -> dict[str, Any]:
    vectors: dict[str, Sequence[float] | None] = {
        "box.center": box.center_m,
        "box.size": box.size_m,
        "speed": box.velocity_mps,
        "acceleration": None,
    }
    return {
        OBJECT: box.object_id,
        **{
            f"{name}.{axis}": None if vector is None else float(vector["xyz".index(axis)])
            for name, vector in vectors.items()
            for axis in "xyz"
        },
        "box.heading": box.heading_rad,
        "type": _TYPE_OF[box.kind],
        "num_lidar_points_in_box": box.lidar_points[0],
        "num_top_lidar_points_in_box": box.lidar_points[1],
        "difficulty_level.detection": box.difficulty,
        "difficulty_level.tracking": box.difficulty,
    }


def _image_values(name: str, image: Image) -> dict[str, Any]:
    return {f"{name}.values": image.ravel(), f"{name}.shape": image.shape}


def _empty(image: Image) -> Image:
    """An image of the same size without a return."""
    return np.full_like(image, NO_RETURN)


def _flat(pose: SE3) -> list[float]:
    return [float(value) for value in pose.matrix.ravel()]
