"""Secrets of the environment: none in what is written, shown or versioned."""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import stages.track
from tests.mlflow_runs.conftest import write_lock

__all__ = ["write_lock"]

PROJECT = Path(__file__).parents[3]
SECRET = "s3cr3t-7f1e"
# Where users keep them: object stores, hubs, MLflow and Git.
NAMES = (
    *("AWS_SECRET_ACCESS_KEY", "AZURE_STORAGE_KEY", "GOOGLE_API_KEY", "HF_TOKEN"),
    *("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN", "GIT_PASSWORD", "WANDB_API_KEY"),
)


def test_no_secret_reaches_the_run_or_what_is_said(
    tmp_path: Path,
    write_lock: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_lock(tmp_path)
    shutil.copy(PROJECT / "params.yaml", tmp_path)
    shutil.copytree(PROJECT / "taxonomies", tmp_path / "taxonomies")
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics" / "evaluate.json").write_text('{"mAP": 0.5}')
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    for name in NAMES:
        monkeypatch.setenv(name, SECRET)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///runs.db")
    monkeypatch.setattr(sys, "argv", ["track", "--name", "secret"])
    monkeypatch.setattr("cm3d.execution.pipeline.fresh_stages", lambda _: ["evaluate"])
    stages.track.main()

    assert "created in sqlite:///" in (said := capsys.readouterr().out)
    assert SECRET not in said
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.name.startswith("runs.db") for path in files)
    assert any(path.is_relative_to(tmp_path / "mlartifacts") for path in files)
    for path in files:
        assert SECRET.encode() not in path.read_bytes(), path
        assert SECRET not in str(path)


def test_no_secret_of_this_machine_is_in_the_repository() -> None:
    """Values of variables that are named as secrets, looked for in what Git tracks at the top."""
    words = ("TOKEN", "SECRET", "PASSWORD", "API_KEY")
    secrets = [v for k, v in os.environ.items() if any(w in k for w in words) and len(v) > 8]
    for name in ("params.yaml", "dvc.yaml", "dvc.lock", ".dvc/config", "Makefile"):
        text = (PROJECT / name).read_text()
        assert not [value for value in secrets if value in text], name
        assert "password" not in text.lower(), name
