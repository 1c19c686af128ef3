"""Class-agnostic boxes from LiDAR alone, after SAM3D: segments of a bird's-eye image."""

from cm3d.sam3d.frame import propose_boxes
from cm3d.sam3d.segmenter import (
    BevSegmenter,
    BevSegments,
    build_bev_segmenter,
    connected_components,
)

__all__ = [
    "BevSegmenter",
    "BevSegments",
    "build_bev_segmenter",
    "connected_components",
    "propose_boxes",
]
