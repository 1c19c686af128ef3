"""From 2D masks and LiDAR points to 3D boxes (paper, section 3.1 and appendix A)."""
