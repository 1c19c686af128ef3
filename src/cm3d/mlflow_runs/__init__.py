"""What goes to MLflow: one run per experiment."""

from cm3d.mlflow_runs.provenance import files_of_stages, read_provenance
from cm3d.mlflow_runs.runs import RecordedRun, record_run

__all__ = ["RecordedRun", "files_of_stages", "read_provenance", "record_run"]
