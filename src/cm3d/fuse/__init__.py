"""Late fusion of lifted boxes with LiDAR-only proposals (paper, appendix A)."""

from cm3d.fuse.frame import fuse_frame
from cm3d.fuse.temperature import fit_temperature

__all__ = ["fit_temperature", "fuse_frame"]
