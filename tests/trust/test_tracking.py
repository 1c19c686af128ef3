"""MLflow: no password in any word, and whatever is wrong with store or metrics in one line."""

import errno
import fcntl
import os
import sqlite3
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from cm3d.errors import InputError
from cm3d.execution.files import read_figures
from cm3d.execution.pipeline import read_stages, read_values
from cm3d.mlflow_runs import read_provenance
from cm3d.mlflow_runs.content import read_curves, shown_params
from cm3d.mlflow_runs.store import Store, _in_one_line, _locked, _prepare
from stages.report import read_scores
from stages.track import read_scores as read_headlines
from tests.trust.refusal import content_of, refuses

# A URI, and what is shown of it.
URIS = {
    "password": ("http://me:s3cret@host:5000", "http://me:***@host:5000"),
    "password without a user": ("http://:s3cret@host", "http://:***@host"),
    "password not quoted": ("http://me:s3cret@s3cret/s3cret@host", "http://me:***@host"),
    "password quoted": ("http://me:s3cret%40@host", "http://me:***@host"),
    "token": ("https://s3cret-token@host/path", "https://***@host/path"),
    "database": ("postgresql+psycopg2://me:s3cret@host/db", "postgresql+psycopg2://me:***@host/db"),
    "query": ("mysql://host/db?password=s3cret&a=b", "mysql://host/db?password=***&a=b"),
    "query of a token": ("http://host/?api_token=s3cret", "http://host/?api_token=***"),
    "query in capitals": ("mssql://host/db?PWD=s3cret", "mssql://host/db?PWD=***"),
    "query of a key": ("postgresql://host/db?sslkey=s3cret", "postgresql://host/db?sslkey=***"),
    "both": ("mysql://me:s3cret@host/?passwd=s3cret", "mysql://me:***@host/?passwd=***"),
    "none": ("sqlite:////home/me/a@b.db", "sqlite:////home/me/a@b.db"),
}


@pytest.mark.parametrize("case", URIS)
def test_no_error_shows_a_secret(case: str) -> None:
    """Neither its line nor what it came from, quoted or not, whatever raised it."""
    uri, shown = URIS[case]
    store = Store(uri, None)
    assert store.shown == shown
    for error in (
        OSError(5, f"{uri} fails"),
        ValueError(f"refused at {uri}/api"),
        ImportError(uri),
    ):
        if "s3cret" not in uri:
            continue

        def fail(raised: Exception = error) -> None:
            with _in_one_line(store, ImportError, ValueError):
                raise raised

        said = refuses(fail, f"MLflow at {shown}: ")
        with pytest.raises(InputError) as caught:
            fail()
        assert "s3cret" not in said + "".join(traceback.format_exception(caught.value))
    assert "s3cret" not in str(shown_params({"a": [f"see {uri}"]}))


def test_secrets_of_the_environment_are_hidden_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "s3cret")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "t0ken")
    text = Store("http://host", None).without_password("401 for s3cret and t0ken")
    assert text == "401 for *** and ***"


@pytest.mark.parametrize(
    "uri", ["  ", "mlruns", "not a uri", "sqlite://", "http://", "sqlite:///a\nb.db", "http://a b"]
)
def test_what_is_no_uri_is_refused(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    refuses(Store.from_environment, "MLFLOW_TRACKING_URI: ", "no URI of a store", "sqlite:///")


@pytest.mark.parametrize(
    "uri", ["http://host", "databricks", "databricks://me", "sqlite:///x.db", "postgresql://h/d"]
)
def test_uris_of_stores_pass(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert Store.from_environment().uri.startswith(uri.partition(":")[0])


REMEDIES: dict[str, tuple[str, Exception, str]] = {
    "driver": ("mysql://h/d", ModuleNotFoundError("No module named 'MySQLdb'"), "install"),
    "full disk": ("sqlite:////x.db", OSError(errno.ENOSPC, "No space"), "free some"),
    "read-only": ("sqlite:////x.db", OSError(errno.EROFS, "Read-only"), "mount it for writing"),
    "full database": ("sqlite:////x.db", ValueError("database or disk is full"), "free its disk"),
    "unreachable": ("http://h", ValueError("Max retries exceeded"), "start the server"),
    "many lines": ("http://h", ValueError("one\ntwo\nthree"), "one; start the server"),
    "no words": ("http://h", ValueError(""), "ValueError; start"),
    "many words": ("http://h", ValueError("word " * 500), "start the server"),
}


@pytest.mark.parametrize("case", REMEDIES)
def test_the_remedy_suits_what_failed(case: str) -> None:
    uri, error, words = REMEDIES[case]

    def fail() -> None:
        with _in_one_line(Store(uri, None), ImportError, ValueError):
            raise error

    refuses(fail, f"MLflow at {uri}: ", words)


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_one_line(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: int) -> None:
        raise OSError(number, "")

    def lock() -> None:
        with _locked(tmp_path / "mlflow.db"):
            pass

    monkeypatch.setattr(fcntl, "flock", fail)
    refuses(lock, "mlflow.db.lock", "flock")


@pytest.mark.parametrize("kind", ["read-only", "folder", "garbage", "file in the way"])
def test_a_database_that_cannot_be_written_is_one_line(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mlflow.db"
    if kind == "read-only":
        sqlite3.connect(path).close()
        fixed = partial(sqlite3.connect, f"file:{path}?mode=ro", uri=True)
        monkeypatch.setattr(sqlite3, "connect", lambda _, **options: fixed(**options))
    elif kind == "folder":
        path.mkdir()
    elif kind == "garbage":
        path.write_bytes(b"no database" * 99)
    else:
        path.write_text("")
        path = path / "mlflow.db"
    refuses(lambda: _prepare(path, None), "mlflow.db", "not a database that can be written", "name")


# Content of a metrics file, and the words that must stand in the message.
METRICS: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "not valid JSON"),
    "cut": (b'{"mAP": 0.', "not valid JSON"),
    "all zeros": (bytes(32), "not valid JSON"),
    "not UTF-8": (b'{"mAP": "\xff"}', "not valid JSON"),
    "UTF-16": ('{"mAP": 1}'.encode("utf-16"), "not valid JSON"),
    "NaN": (b'{"mAP": NaN}', "NaN is no number"),
    "infinity": (b'{"mAP": -Infinity}', "-Infinity is no number"),
    "a list": (b"[1]", "not a JSON object"),
    "a number": (b"1", "not a JSON object"),
    "nested too deep": (b'{"a":' * 99_999, "not valid JSON"),
    "a number of 5,000 digits": (b'{"a": ' + b"9" * 5000 + b"}", "not valid JSON"),
}


@pytest.mark.parametrize("case", METRICS)
@pytest.mark.parametrize("reader", ["track", "report"])
def test_broken_metrics_are_named(
    case: str, reader: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    content, words = METRICS[case]
    path = Path("metrics/evaluate/finetune.json")
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    before = content_of(tmp_path)
    if reader == "track":
        refuses(lambda: read_headlines(Path(), [path]), str(path), words, "rerun its stage")
    else:
        refuses(lambda: read_scores(path.parent), str(path), words, "evaluate@finetune")
    assert content_of(tmp_path) == before


def test_metrics_that_are_away_or_a_folder_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path("metrics/evaluate/a.json")
    read = partial(read_headlines, Path(), [path])
    refuses(read, "metrics/evaluate/a.json: No such file")
    path.mkdir(parents=True)
    refuses(read, "metrics/evaluate/a.json: Is a directory")


# Content of a history, and of YAML that DVC writes.
@pytest.mark.parametrize(
    "content",
    [b"", b"loss\n1\n", b"step,loss\n1,\xff\n", b"step,loss\nx,1\n",
     b"step,loss\n1,1,1\n", b"step,loss\n\x00,1\n"],
)  # fmt: skip
def test_a_broken_history_is_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "pretrain.csv").write_bytes(content)
    if content:
        refuses(
            lambda: read_curves("pretrain", tmp_path / "pretrain.csv"),
            "pretrain.csv: not a history",
            "rerun its stage",
        )
    else:
        assert read_curves("pretrain", tmp_path / "pretrain.csv") == []


YAML: dict[str, bytes] = {
    "cut": b"stages: {a: [",
    "a list": b"- 1\n",
    "a word": b"stages\n",
    "not UTF-8": b"stages: \xff\n",
    "a control character": b"stages: \x01\n",
    "a tag of Python": b"stages: !!python/object:os.system {}\n",
    "two documents": b"a: 1\n---\nb: 2\n",
    "no stages": b"vars: []\n",
    "stages are a list": b"stages: [a]\n",
}


@pytest.mark.parametrize("case", YAML)
def test_what_dvc_wrote_is_refused_by_name_when_broken(case: str, tmp_path: Path) -> None:
    readers: dict[str, Callable[[], Any]] = {
        "dvc.yaml": lambda: read_stages(tmp_path / "dvc.yaml"),
        "dvc.lock": lambda: read_provenance(tmp_path, ["a"]),
    }
    for name, read in readers.items():
        (tmp_path / name).write_bytes(YAML[case])
        refuses(read, f"{name}: ", "restore it with Git")


@pytest.mark.parametrize("stage", ["7", "", "[b]", "{deps: [b]}", "{foreach: [b]}"])
def test_a_stage_that_is_none_is_named(stage: str, tmp_path: Path) -> None:
    (tmp_path / "dvc.yaml").write_text(f"stages: {{a: {stage}}}\n")
    refuses(lambda: read_stages(tmp_path / "dvc.yaml"), "dvc.yaml: stages.a: describes no stage")


@pytest.mark.parametrize("case", [case for case in YAML if "stages" not in case])
def test_parameters_are_the_users_to_correct(case: str, tmp_path: Path) -> None:
    """Git would restore them without what the user has changed."""
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    (tmp_path / "params.yaml").write_bytes(YAML[case])
    says = refuses(lambda: read_stages(tmp_path / "dvc.yaml"), "params.yaml: ", "; correct it")
    assert "Git" not in says


def test_yaml_that_is_away_or_a_folder_is_named(tmp_path: Path) -> None:
    refuses(lambda: read_values(tmp_path / "x.yaml"), "x.yaml: No such file", "check the path")
    refuses(lambda: read_values(tmp_path), os.fspath(tmp_path), "Is a directory")


def test_pipes_are_not_waited_for(tmp_path: Path) -> None:
    """Nobody may ever write into them."""
    path = tmp_path / "x"
    os.mkfifo(path)
    for read in (read_values, read_figures):
        refuses(partial(read, path), "x: is a pipe, socket or device, not a file; ")
