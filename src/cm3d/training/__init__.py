"""Training of detectors: samples, targets, losses, the loop, checkpoints, inference."""
