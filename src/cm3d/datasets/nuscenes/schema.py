"""The fields of nuScenes' JSON tables that the index reads; the remaining are of no use to it."""

from typing import Final

from cm3d.datasets.nuscenes import fields as f
from cm3d.datasets.nuscenes.fields import Field

# Of `sample_data`, checked in the records of cameras and of the LiDAR alone.
OF_IMAGES: Final[dict[str, Field]] = {"height": f.SIDE_PX, "width": f.SIDE_PX}
OF_SWEEPS: Final[dict[str, Field]] = {"prev": f.refers_to("sample_data", or_none=True)}

FIELDS: Final[dict[str, dict[str, Field]]] = {
    "attribute": {"token": f.TOKEN, "name": f.WORD},
    "calibrated_sensor": {
        "token": f.TOKEN,
        "sensor_token": f.refers_to("sensor"),
        "translation": f.MOUNT,
        "rotation": f.QUATERNION,
        "camera_intrinsic": f.INTRINSICS,
    },
    "category": {"token": f.TOKEN, "name": f.WORD},
    "ego_pose": {"token": f.TOKEN, "translation": f.POSITION, "rotation": f.QUATERNION},
    "instance": {"token": f.TOKEN, "category_token": f.refers_to("category")},
    "log": {"token": f.TOKEN, "location": f.LOCATION},
    "sample": {
        "token": f.TOKEN,
        "scene_token": f.refers_to("scene"),
        "timestamp": f.TIME,
        "prev": f.refers_to("sample", or_none=True, optional=True),
        "next": f.refers_to("sample", or_none=True, optional=True),
    },
    "sample_annotation": {
        "token": f.TOKEN,
        "sample_token": f.refers_to("sample"),
        "instance_token": f.refers_to("instance"),
        "visibility_token": f.VISIBILITY,
        "attribute_tokens": f.ATTRIBUTES,
        "translation": f.POSITION,
        "size": f.SIZE,
        "rotation": f.QUATERNION,
        "prev": f.refers_to("sample_annotation", or_none=True),
        "next": f.refers_to("sample_annotation", or_none=True),
        "num_lidar_pts": f.COUNT_OR_UNKNOWN,
        "num_radar_pts": f.COUNT,
    },
    "sample_data": {
        "token": f.TOKEN,
        "sample_token": f.refers_to("sample"),
        "ego_pose_token": f.refers_to("ego_pose"),
        "calibrated_sensor_token": f.refers_to("calibrated_sensor"),
        "timestamp": f.TIME,
        "is_key_frame": f.FLAG,
        "filename": f.FILE,
        **OF_IMAGES,
        **OF_SWEEPS,
    },
    "scene": {
        "token": f.TOKEN,
        "name": f.SCENE_NAME,
        "log_token": f.refers_to("log"),
        "nbr_samples": Field(f.COUNT.wanted, f.COUNT.are_sound, optional=True),
        "first_sample_token": f.refers_to("sample", optional=True),
        "last_sample_token": f.refers_to("sample", optional=True),
    },
    "sensor": {"token": f.TOKEN, "channel": f.WORD, "modality": f.MODALITY},
}

# Tables that may have no record; without the others there is no data set.
MAY_BE_EMPTY: Final = frozenset({"attribute", "category", "instance", "sample_annotation"})
