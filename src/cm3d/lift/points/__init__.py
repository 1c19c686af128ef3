"""Which LiDAR points belong to which object: masks, erosion, ground, clusters."""
