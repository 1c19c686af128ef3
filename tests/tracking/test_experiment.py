import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cm3d.errors import InputError
from cm3d.tracking import track_experiment
from cm3d.tracking.store import Store, open_store

PARAMS = {"seed": 0, "execution": {"workers": 2}, "lift": {"nms": True, "classes": ["car", "bus"]}}
METRICS = {"fuse": {"mAP": 0.25, "NDS": 0.5}}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One database for the module: MLflow takes seconds to make its tables."""
    return tmp_path_factory.mktemp("root")


@pytest.fixture(autouse=True)
def _environment(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_ROOT", str(root))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("DVC_EXP_BASELINE_REV", raising=False)


@pytest.fixture
def track(
    tmp_path: Path, write_lock: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Any]:
    """Track an experiment with a history of two epochs and one plot."""
    history = tmp_path / "history.csv"
    history.write_text("epoch,loss\n0,2.5\n1,1.5\n")
    plots = tmp_path / "plots"
    plots.mkdir()
    (plots / "ap.json").write_text("[]")

    def run(name: str | None, labels_md5: str = "aa.dir", params: Any = None) -> Any:
        monkeypatch.delenv("DVC_EXP_NAME", raising=False)
        if name:
            monkeypatch.setenv("DVC_EXP_NAME", name)
        workspace = write_lock(tmp_path, labels_md5)
        return track_experiment(
            workspace, params or PARAMS, METRICS, {"pretrain": history}, [plots, history]
        )

    return run


def _read(run: Any) -> Any:
    with open_store(Store.from_environment()) as client:
        history = client.get_metric_history(run.run_id, "pretrain/loss")
        files = [file.path for file in client.list_artifacts(run.run_id)]
        folder = [file.path for file in client.list_artifacts(run.run_id, "plots")]
        return client.get_run(run.run_id), history, files + folder


def test_a_new_database_makes_no_noise(
    track: Callable[..., Any],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """First of the module, so that it is this test that makes the database."""
    track("zero")
    captured = capfd.readouterr()
    assert captured.out + captured.err == ""
    assert [record for record in caplog.records if record.levelno < logging.WARNING] == []


def test_a_run_holds_params_metrics_curves_artifacts_and_tags(
    track: Callable[..., Any], root: Path
) -> None:
    tracked = track("one")
    run, history, files = _read(tracked)
    assert tracked.created
    assert run.info.run_name == "one"
    assert run.info.status == "FINISHED"
    assert run.data.params == {"seed": "0", "execution.workers": "2", "lift.nms": "True"}
    assert run.data.metrics == {"fuse/mAP": 0.25, "fuse/NDS": 0.5, "pretrain/loss": 1.5}
    assert [(point.step, point.value) for point in history] == [(0, 2.5), (1, 1.5)]
    assert set(files) == {"params.yaml", "plots", "plots/ap.json", "history.csv"}
    assert run.data.tags["dvc.exp"] == "one"
    assert run.data.tags["dvc.out.data/pseudo_labels"] == "aa.dir"
    assert (root / "mlflow.db").exists()
    assert (root / "mlartifacts").is_dir()


def test_tracking_again_updates_the_same_run(track: Callable[..., Any]) -> None:
    first, second = track("two"), track("two")
    assert (first.run_id, False) == (second.run_id, second.created)
    assert len(_read(second)[1]) == 2


def test_a_parameter_outside_the_lock_keeps_its_first_value(track: Callable[..., Any]) -> None:
    first = track("three")
    again = track("three", params={**PARAMS, "execution": {"workers": 8}, "extra": 1})
    run, _, _ = _read(again)
    assert first.run_id == again.run_id
    assert run.data.params["execution.workers"] == "2"
    assert run.data.params["extra"] == "1"


def test_other_names_and_other_outputs_are_other_runs(track: Callable[..., Any]) -> None:
    runs = [track("four"), track("five"), track("four", labels_md5="zz.dir"), track(None)]
    assert len({run.run_id for run in runs}) == 4
    assert all(run.created for run in runs)
    assert runs[3].name.startswith("workspace-")


def test_a_missing_artifact_is_one_line(tmp_path: Path, write_lock: Callable[..., Path]) -> None:
    with pytest.raises(InputError, match=r"none\.json: missing"):
        track_experiment(write_lock(tmp_path), PARAMS, METRICS, {}, [tmp_path / "none.json"])
