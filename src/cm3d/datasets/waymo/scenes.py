"""A segment as the keyframes of a drive: every frame is one."""

from cm3d.datasets.keyframes import Image, Keyframe
from cm3d.datasets.waymo.boxes import read_boxes
from cm3d.datasets.waymo.cameras import read_cameras, read_shots
from cm3d.datasets.waymo.conversion import Places
from cm3d.datasets.waymo.lidar import lasers_by_time
from cm3d.datasets.waymo.reading import read_vehicle_poses
from cm3d.datasets.waymo.segments import Segment
from cm3d.taxonomy import Taxonomy


def keyframes(segment: Segment, places: Places, taxonomy: Taxonomy) -> list[Keyframe]:
    """The frames of a segment in the order of time, but for those without any laser's row.

    LiDAR points are in the frame of the car, so that the car's pose is the sensor's.

    Args:
        segment: Which one.
        places: Where its files are.
        taxonomy: Classes of its boxes.

    Raises:
        InputError: A file is malformed.
    """
    poses = read_vehicle_poses(segment)
    cameras = read_cameras(segment)
    shots = read_shots(segment, cameras)
    boxes = read_boxes(segment, poses, taxonomy)

    def images(time_us: int) -> list[Image]:
        return [
            Image(
                channel=camera.channel,
                path=places.image(segment.name, time_us, camera.channel),
                width_px=camera.width_px,
                height_px=camera.height_px,
                intrinsics_px=camera.intrinsics_px,
                global_SE3_camera=shots[time_us, name] @ camera.vehicle_SE3_camera,
            )
            for name, camera in sorted(cameras.items())
            if (time_us, name) in shots
        ]

    return [
        Keyframe(
            token=f"{segment.name}-{time_us}",
            timestamp_us=time_us,
            global_SE3_ego=poses[time_us],
            lidar_path=places.lidar(segment.name, time_us),
            global_SE3_lidar=poses[time_us],
            images=images(time_us),
            boxes=boxes.get(time_us, []),
        )
        for time_us in lasers_by_time(segment)
    ]
