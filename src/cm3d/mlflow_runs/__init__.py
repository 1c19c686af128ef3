"""What goes to MLflow: one run per experiment, below one per table."""

from cm3d.mlflow_runs.content import curves, short_params, shown_params
from cm3d.mlflow_runs.provenance import committed_params, files_of_stages, read_provenance
from cm3d.mlflow_runs.runs import (
    Content,
    RecordedRun,
    Status,
    add_tags,
    end_run,
    log_points,
    open_child,
    open_run,
    record_run,
)

__all__ = [
    "Content",
    "RecordedRun",
    "Status",
    "add_tags",
    "committed_params",
    "curves",
    "end_run",
    "files_of_stages",
    "log_points",
    "open_child",
    "open_run",
    "read_provenance",
    "record_run",
    "short_params",
    "shown_params",
]
