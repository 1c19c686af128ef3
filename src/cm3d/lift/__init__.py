"""From 2D masks and LiDAR points to 3D boxes (paper, section 3.1 and appendix A)."""

from cm3d.lift.frame import lift_frame
from cm3d.lift.lanes import LaneField

__all__ = ["LaneField", "lift_frame"]
