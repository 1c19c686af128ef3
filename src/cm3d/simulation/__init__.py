"""The embedded data set: a procedural world, its sensors, and a nuScenes-format database."""
