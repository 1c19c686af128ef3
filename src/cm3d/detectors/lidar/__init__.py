"""From LiDAR points to a bird's-eye image."""
