"""The ten classes of nuScenes' detection task."""

from typing import Final

# mmdet3d numbers the classes in this order, whatever order a config then trains them in.
NUSCENES_CLASSES: Final = (
    "car",
    "truck",
    "trailer",
    "bus",
    "construction_vehicle",
    "bicycle",
    "motorcycle",
    "pedestrian",
    "traffic_cone",
    "barrier",
)
