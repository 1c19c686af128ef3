"""One MLflow run per experiment, made once and updated after that."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from cm3d.errors import InputError
from cm3d.tracking.curves import Point, read_curves
from cm3d.tracking.flatten import flat_metrics, flat_params
from cm3d.tracking.provenance import Provenance, read_provenance
from cm3d.tracking.store import Store, open_store

_EXPERIMENT: Final = "cm3d"


@dataclass(frozen=True)
class TrackedRun:
    """The run that an experiment has become.

    Args:
        name: Name of the run.
        run_id: MLflow's key.
        uri: The store that holds it.
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
    artifacts: list[Path]
    params_yaml: str


def track_experiment(
    workspace: Path,
    params: Mapping[str, Any],
    metrics: Mapping[str, Any],
    curves: Mapping[str, Path],
    artifacts: Iterable[Path],
) -> TrackedRun:
    """Write one experiment to MLflow; a second call updates its run.

    A run is the same if its experiment name and the outputs in dvc.lock are. MLflow never changes
    a parameter: of those that dvc.lock does not cover, such as `execution`, a run keeps the first
    value, and the artifact `params.yaml` has the last.

    Args:
        workspace: Folder of dvc.lock.
        params: Nested content of params.yaml.
        metrics: Nested numbers; anything else in it is left out.
        curves: CSV histories with a `step` or `epoch` column, by the name of the curve's group.
        artifacts: Files and folders to keep with the run.

    Raises:
        InputError: A file is missing or broken, or the store cannot be written.
    """
    provenance, store = read_provenance(workspace), Store.from_environment()
    record = _Record(
        params=flat_params(params),
        metrics=flat_metrics(metrics),
        points=[point for name, path in curves.items() for point in read_curves(name, path)],
        artifacts=_existing(artifacts),
        params_yaml=yaml.safe_dump(dict(params), sort_keys=False),
    )
    with open_store(store) as client:
        run, created = _find_or_create(client, store, provenance)
        _log(client, run, record, provenance)
        client.set_terminated(run.info.run_id)
    return TrackedRun(provenance.run_name, run.info.run_id, store.uri, created)


def _existing(artifacts: Iterable[Path]) -> list[Path]:
    paths = list(artifacts)
    for path in paths:
        if not path.exists():
            raise InputError(f"{path}: missing; run `dvc repro`")
    return paths


def _find_or_create(client: Any, store: Store, provenance: Provenance) -> tuple[Any, bool]:
    experiment = client.get_experiment_by_name(_EXPERIMENT)
    if experiment is None:
        key = client.create_experiment(_EXPERIMENT, artifact_location=store.artifacts)
    else:
        key = experiment.experiment_id
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
    for path in record.artifacts:
        if path.is_dir():
            client.log_artifacts(key, str(path), path.name)
        else:
            client.log_artifact(key, str(path))
