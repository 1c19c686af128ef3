"""CM3D: 3D boxes without 3D labels, from shelf image models to a trained detector."""
