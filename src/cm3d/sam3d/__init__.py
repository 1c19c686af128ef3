"""Class-agnostic boxes from LiDAR alone, after SAM3D: segments of a bird's-eye image."""
