"""Detectors in PyTorch: points in, boxes in the LiDAR frame out."""
