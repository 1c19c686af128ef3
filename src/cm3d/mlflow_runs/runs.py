"""One MLflow run per experiment, made once and updated after that."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from cm3d.errors import InputError
from cm3d.mlflow_runs.content import Point, flat_metrics, flat_params, read_curves, shown_params
from cm3d.mlflow_runs.provenance import Provenance
from cm3d.mlflow_runs.store import EXPERIMENT, Store, open_store


@dataclass(frozen=True)
class RecordedRun:
    """The run that an experiment has become.

    Args:
        name: Name of the run.
        run_id: MLflow's key.
        uri: The store that holds it, without its password.
        created: False where a run of the same experiment and dvc.lock was updated.
    """

    name: str
    run_id: str
    uri: str
    created: bool


@dataclass(frozen=True)
class _Record:
    params: dict[str, str]
    metrics: dict[str, float]
    points: list[Point]
    artifacts: dict[Path, str | None]
    params_yaml: str


def record_run(
    workspace: Path,
    provenance: Provenance,
    params: Mapping[str, Any],
    metrics: Mapping[str, Any],
    curves: Mapping[str, Path],
    artifacts: Iterable[Path],
) -> RecordedRun:
    """Write one experiment to MLflow; a second call updates its run.

    A run is the same if its experiment name and its stages in dvc.lock are. MLflow never changes
    a parameter: of those that these stages do not depend on, such as `execution`, a run keeps the
    first value, and the artifact `params.yaml` has the last.

    Args:
        workspace: Folder of the artifacts.
        provenance: Experiment and stages of the run.
        params: Nested content of params.yaml.
        metrics: Nested numbers; anything else in it is left out.
        curves: CSV histories with a `step` or `epoch` column, by the name of the curve's group.
        artifacts: Files to keep with the run, relative to the workspace, by the same paths.

    Raises:
        InputError: A file is missing or broken, or the store cannot be written.
    """
    store = Store.from_environment()
    shown = shown_params(params)
    record = _Record(
        params=flat_params(shown),
        metrics=flat_metrics(metrics),
        points=[point for name, path in curves.items() for point in read_curves(name, path)],
        artifacts=_existing(workspace, artifacts),
        params_yaml=yaml.safe_dump(shown, sort_keys=False),
    )
    with open_store(store) as client:
        run, created = _find_or_create(client, provenance)
        _log(client, run, record, provenance)
        client.set_terminated(run.info.run_id)
    return RecordedRun(provenance.run_name, run.info.run_id, store.shown, created)


def _existing(workspace: Path, artifacts: Iterable[Path]) -> dict[Path, str | None]:
    """The run's folder for each file, None for its top."""
    folders = {
        workspace / path: None if path.parent == Path() else path.parent.as_posix()
        for path in artifacts
    }
    for path in folders:
        if not path.is_file():
            raise InputError(f"{path}: missing; run `dvc repro`")
    return folders


def _find_or_create(client: Any, provenance: Provenance) -> tuple[Any, bool]:
    key = client.get_experiment_by_name(EXPERIMENT).experiment_id
    same_lock = client.search_runs([key], f"tags.`dvc.lock.md5` = '{provenance.lock_md5}'")
    for run in same_lock:
        if run.data.tags.get("dvc.exp") == provenance.experiment:
            return run, False
    return client.create_run(key, run_name=provenance.run_name, tags=provenance.tags), True


def _log(client: Any, run: Any, record: _Record, provenance: Provenance) -> None:
    """Log what the run lacks; points keep the run's start as their time, so they never double."""
    from mlflow.entities import Metric, Param, RunTag

    key, time = run.info.run_id, run.info.start_time
    new = {name: text for name, text in record.params.items() if name not in run.data.params}
    values = [Metric(name, value, time, 0) for name, value in record.metrics.items()]
    values += [Metric(point.name, point.value, time, point.step) for point in record.points]
    client.log_batch(
        key,
        metrics=values,
        params=[Param(*item) for item in new.items()],
        tags=[RunTag(*item) for item in provenance.tags.items()],
    )
    client.log_text(key, record.params_yaml, "params.yaml")
    for path, folder in record.artifacts.items():
        client.log_artifact(key, str(path), folder)
