import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from cm3d.errors import InputError
from cm3d.mlflow_runs.store import Store, open_store


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
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow.example:5000")
    assert Store.from_environment() == Store("http://mlflow.example:5000", None)


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


def test_a_relative_path_starts_at_the_projects_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///runs/all.db?timeout=60")
    store = Store.from_environment()
    assert store.uri == f"sqlite:///{tmp_path}/runs/all.db?timeout=60"
    assert store.database == tmp_path / "runs/all.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:////elsewhere/all.db")
    assert Store.from_environment().database == Path("/elsewhere/all.db")


def test_a_server_that_is_away_is_one_line() -> None:
    with (
        pytest.raises(InputError, match=r"MLflow at http://127\.0\.0\.1:9: .*; start the server"),
        open_store(Store("http://127.0.0.1:9", None)),
    ):
        pass


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("http://me:s3cr%40t@mlflow.example:5000", "http://me:***@mlflow.example:5000"),
        ("http://me:a@b/c@mlflow.example", "http://me:***@mlflow.example"),
        ("postgresql://db:db@host/db", "postgresql://db:***@host/db"),
        (
            "postgresql://host/db?user=me&password=x&a=b",
            "postgresql://host/db?user=me&password=***&a=b",
        ),
        ("sqlite:////home/me/mlflow.db", "sqlite:////home/me/mlflow.db"),
        ("http://mlflow.example:5000", "http://mlflow.example:5000"),
    ],
)
def test_a_uri_is_shown_without_its_password(uri: str, shown: str) -> None:
    assert Store(uri, None).shown == shown


def test_files_may_lie_in_an_object_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql://me@host/db")
    monkeypatch.setenv("MLFLOW_DEFAULT_ARTIFACT_ROOT", "s3://bucket/runs")
    assert Store.from_environment().artifacts == "s3://bucket/runs"
    monkeypatch.setenv("MLFLOW_DEFAULT_ARTIFACT_ROOT", "ftp://me:s3cret@host/runs")
    with pytest.raises(InputError, match=r"_ARTIFACT_ROOT: ftp://me:\*\*\*@host/runs has a pass"):
        Store.from_environment()


def test_the_uri_of_a_server_is_not_printed_when_a_run_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MLflow would, with its password, unless this is set."""
    from mlflow.environment_variables import MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT as SILENT

    monkeypatch.setenv(SILENT.name, "false")
    with pytest.raises(InputError), open_store(Store("http://127.0.0.1:9", None)):
        pass
    assert SILENT.get() is True


def test_text_of_others_loses_the_password_as_it_is_and_unquoted() -> None:
    store = Store("http://me:s3cr%40t@mlflow.example", None)
    text = "http://me:s3cr%40t@mlflow.example/api refused me with s3cr@t"
    assert store.without_password(text) == "http://me:***@mlflow.example/api refused me with ***"


@pytest.mark.parametrize(
    "scheme", ["http", "unknown", "postgresql+nodriver", "mysql+pymysql", "postgresql"]
)
def test_no_error_of_mlflow_shows_the_password(
    scheme: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    store = Store(f"{scheme}://me:s3cret@127.0.0.1:9/db", None)
    with pytest.raises(InputError) as caught, open_store(store):
        pass
    told = "".join(traceback.format_exception(caught.value))
    assert f"MLflow at {scheme}://me:***@127.0.0.1:9/db: " in str(caught.value)
    assert "s3cret" not in told + caplog.text + "".join(capfd.readouterr())


def test_an_error_of_a_later_call_does_not_show_it_either() -> None:
    with _served() as port:
        store = Store(f"http://me:s3cret@127.0.0.1:{port}", None)
        with pytest.raises(InputError) as caught, open_store(store) as client:
            client.get_run("none")
    assert "s3cret" not in "".join(traceback.format_exception(caught.value))
    assert "http://me:***@127.0.0.1" in str(caught.value)


@contextmanager
def _served() -> Iterator[int]:
    """A server that knows the experiment and nothing else."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = "get-by-name" in self.path
            self.send_response(200 if known else 418)
            self.end_headers()
            self.wfile.write(b'{"experiment": {"experiment_id": "1"}}' if known else b"me:s3cret@")

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
