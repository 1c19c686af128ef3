"""Two small networks of the embedded data set: a 2D detector, and masks for given boxes."""
