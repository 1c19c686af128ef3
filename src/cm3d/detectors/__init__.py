"""3D detectors behind one contract (`protocol`): samples in, boxes in the LiDAR frame out."""
