"""Map segmentation: what the ground is, pixel by pixel around the sensor (BEVFusion)."""
