"""MLflow runs: one per experiment, opened before it or made after it, never twice.

A table of experiments is a run too, whose children they are. A run that was opened has no tag
`dvc.lock.md5` before its figures are there; that is how `track` finds it.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import yaml

from cm3d.errors import InputError
from cm3d.mlflow_runs.content import (
    Point,
    headline_metrics,
    read_curves,
    short_params,
    shown_params,
)
from cm3d.mlflow_runs.provenance import Provenance
from cm3d.mlflow_runs.store import EXPERIMENT, Store, open_store

Status = Literal["FINISHED", "FAILED", "KILLED"]

_PARENT: Final = "mlflow.parentRunId"
_DESCRIPTION: Final = "mlflow.note.content"
_EXPERIMENT: Final = "dvc.exp"
_LOCK: Final = "dvc.lock.md5"


@dataclass(frozen=True)
class RecordedRun:
    """The run that an experiment has become.

    Args:
        name: Name of the run.
        run_id: MLflow's key.
        uri: The store that holds it, without its password.
        created: False where a run of the same experiment was updated.
    """

    name: str
    run_id: str
    uri: str
    created: bool


@dataclass(frozen=True)
class Content:
    """What an experiment has come to.

    Args:
        workspace: Folder of the artifacts.
        params: Nested content of params.yaml.
        base: The same of what it is compared with; None where there is nothing.
        scores: Figures by the name of what was scored.
        curves: CSV histories with a `step` or `epoch` column, by the name of what was trained.
        artifacts: Files to keep with the run, relative to the workspace, by the same paths.
    """

    workspace: Path
    params: Mapping[str, Any]
    base: Mapping[str, Any] | None = None
    scores: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    curves: Mapping[str, Path] = field(default_factory=dict)
    artifacts: Sequence[Path] = ()


def record_run(provenance: Provenance, content: Content, run_id: str | None = None) -> RecordedRun:
    """Write one experiment to MLflow; a second call updates its run.

    It is the run that was opened for the experiment, or one with its name and its stages in
    dvc.lock, or a new one. Parameters are those that it was opened or made with, since MLflow
    never changes any; the artifact `params.yaml` has the last.

    Args:
        provenance: Experiment and stages of the run.
        content: What it holds.
        run_id: Of the run, where it is known.

    Raises:
        InputError: A file is missing or broken, or the store cannot be written.
    """
    store, shown = Store.from_environment(), shown_params(content.params)
    points = [point for name, path in content.curves.items() for point in read_curves(name, path)]
    artifacts = _existing(content.workspace, content.artifacts)
    base = None if content.base is None else shown_params(content.base)
    with open_store(store) as client:
        run, created = _find_or_create(client, provenance, run_id)
        if not run.data.params:
            _log(client, run, params=short_params(shown, base))
        scores = headline_metrics(content.scores)
        _log(client, run, metrics=scores, tags={**_of_data(shown), **provenance.tags})
        _log_points(client, run, points)
        client.log_text(run.info.run_id, yaml.safe_dump(shown, sort_keys=False), "params.yaml")
        for path, folder in artifacts.items():
            client.log_artifact(run.info.run_id, str(path), folder)
        client.set_terminated(run.info.run_id)
    return RecordedRun(run.info.run_name, run.info.run_id, store.shown, created)


def open_run(
    name: str, identity: Mapping[str, str], params: Mapping[str, str], tags: Mapping[str, str]
) -> tuple[str, bool]:
    """Say that something runs now, which ran before if there is a run with these tags.

    Args:
        name: Of a new run.
        identity: Tags that no other run has all of.
        params: Of a new run.
        tags: Other ones.

    Returns:
        Its key, and whether it had finished before; then it is left as it is.

    Raises:
        InputError: The store cannot be written.
    """
    with open_store(Store.from_environment()) as client:
        wanted = " and ".join(f"tags.`{key}` = '{value}'" for key, value in identity.items())
        found = client.search_runs([_experiment(client)], wanted)
        if found and found[0].info.status == "FINISHED" and _LOCK in found[0].data.tags:
            return found[0].info.run_id, True
        if found:
            client.update_run(found[0].info.run_id, status="RUNNING")
            _log(client, found[0], tags=tags)
            return found[0].info.run_id, False
        run = client.create_run(_experiment(client), run_name=name, tags={**tags, **identity})
        _log(client, run, params=params)
        return run.info.run_id, False


def open_child(
    parent: str,
    experiment: str,
    name: str,
    params: Mapping[str, str],
    tags: Mapping[str, str],
) -> tuple[str, bool]:
    """The same for an experiment of a table, whose key is `parent`."""
    return open_run(name, {_PARENT: parent, _EXPERIMENT: experiment}, params, tags)


def log_points(run_id: str, points: Sequence[Point]) -> None:
    """Add to curves while they grow; steps that they have are left as they are.

    Raises:
        InputError: The store cannot be written.
    """
    with open_store(Store.from_environment()) as client:
        _log_points(client, client.get_run(run_id), points)


def add_tags(run_id: str, tags: Mapping[str, str]) -> None:
    """Set tags of a run.

    Raises:
        InputError: The store cannot be written.
    """
    with open_store(Store.from_environment()) as client:
        _log(client, client.get_run(run_id), tags=tags)


def end_run(
    run_id: str, status: Status, description: str = "", artifacts: Iterable[Path] = ()
) -> None:
    """Say how something ended.

    Args:
        run_id: Key of its run.
        status: How.
        description: Markdown for the run's page.
        artifacts: Files to keep with it, at the top.

    Raises:
        InputError: The store cannot be written.
    """
    with open_store(Store.from_environment()) as client:
        if description:
            client.set_tag(run_id, _DESCRIPTION, description)
        for path in artifacts:
            client.log_artifact(run_id, str(path))
        client.set_terminated(run_id, status)


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


def _experiment(client: Any) -> str:
    return str(client.get_experiment_by_name(EXPERIMENT).experiment_id)


def _find_or_create(client: Any, provenance: Provenance, run_id: str | None) -> tuple[Any, bool]:
    if run_id is not None:
        return client.get_run(run_id), False
    key, named = _experiment(client), _quoted(_EXPERIMENT, provenance.experiment)
    runs = client.search_runs([key], named)
    for lock in (None, provenance.lock_md5):  # one that was opened, or the same once more
        for run in runs:
            if run.data.tags.get(_LOCK) == lock:
                return run, False
    return client.create_run(key, run_name=provenance.run_name, tags=provenance.tags), True


def _quoted(tag: str, value: str) -> str:
    """A condition of MLflow's search, whose strings end at the next quote of their kind."""
    quote = '"' if "'" in value else "'"
    return f"tags.`{tag}` = {quote}{value.replace(quote, '')}{quote}"


def _of_data(params: Mapping[str, Any]) -> dict[str, str]:
    dataset = params.get("dataset", {})
    named = {"dataset": " ".join(filter(None, map(dataset.get, ("name", "version"))))}
    return {key: text for key, text in named.items() if text}


def _log(
    client: Any,
    run: Any,
    *,
    params: Mapping[str, str] | None = None,
    metrics: Mapping[str, float] | None = None,
    tags: Mapping[str, str] | None = None,
) -> None:
    """Log it; metrics keep the run's start as their time, so that the same never doubles."""
    from mlflow.entities import Metric, Param, RunTag

    time_ms = run.info.start_time
    client.log_batch(
        run.info.run_id,
        metrics=[Metric(name, value, time_ms, 0) for name, value in (metrics or {}).items()],
        params=[Param(*item) for item in (params or {}).items()],
        tags=[RunTag(*item) for item in (tags or {}).items()],
    )


def _log_points(client: Any, run: Any, points: Sequence[Point]) -> None:
    from mlflow.entities import Metric

    key, now_ms = run.info.run_id, int(time.time() * 1000)
    begun = {point.name for point in points} & run.data.metrics.keys()
    last = {name: max(one.step for one in client.get_metric_history(key, name)) for name in begun}
    new = [point for point in points if point.step > last.get(point.name, -1)]
    values = [Metric(point.name, point.value, now_ms, point.step) for point in new]
    client.log_batch(key, metrics=values)
