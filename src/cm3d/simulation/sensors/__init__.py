"""LiDAR and cameras by ray casting."""
