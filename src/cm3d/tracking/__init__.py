"""What goes to MLflow: one run per experiment."""

from cm3d.tracking.experiment import TrackedRun, track_experiment

__all__ = ["TrackedRun", "track_experiment"]
