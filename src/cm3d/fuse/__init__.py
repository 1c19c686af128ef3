"""Late fusion of lifted boxes with LiDAR-only proposals (paper, appendix A)."""

from cm3d.fuse.frame import fuse_frame

__all__ = ["fuse_frame"]
