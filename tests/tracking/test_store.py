from pathlib import Path

import pytest

from cm3d.errors import InputError
from cm3d.tracking.store import Store, open_store


def test_the_database_is_in_the_projects_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    store = Store.from_environment()
    assert store.uri == f"sqlite:///{tmp_path / 'mlflow.db'}"
    assert store.artifacts == (tmp_path / "mlartifacts").as_uri()


def test_without_dvc_it_is_in_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.chdir(tmp_path)
    assert Store.from_environment().uri == f"sqlite:///{tmp_path.resolve() / 'mlflow.db'}"


def test_a_server_keeps_its_own_artifacts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://tracking.example:5000")
    assert Store.from_environment() == Store("http://tracking.example:5000", None)


@pytest.mark.parametrize("kind", ["folder", "garbage", "no folder"])
def test_a_database_that_cannot_be_written_is_one_line(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "mlflow.db" if kind != "no folder" else tmp_path / "none" / "mlflow.db"
    if kind == "folder":
        path.mkdir()
    elif kind == "garbage":
        path.write_bytes(b"not a database" * 100)
    with (
        pytest.raises(InputError, match=r"mlflow\.db: not a database that can be written"),
        open_store(Store(f"sqlite:///{path}", None)),
    ):
        pass


def test_a_server_that_is_away_is_one_line() -> None:
    with (
        pytest.raises(InputError, match=r"MLflow at http://127\.0\.0\.1:9: .*; start the server"),
        open_store(Store("http://127.0.0.1:9", None)) as client,
    ):
        client.search_experiments()
