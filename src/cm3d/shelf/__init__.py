"""What shelf models share: device, weights, images read ahead, SAM."""
