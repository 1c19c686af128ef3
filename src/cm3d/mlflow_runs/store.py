"""The MLflow store: where it is, and a client that fails soon, in one line and without secrets."""

import fcntl
import logging
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from cm3d.errors import InputError, remedy_of, unwritable
from cm3d.mlflow_runs.secrets import hidden_in_uri, hidden_of_uri, logs_without_secrets

EXPERIMENT: Final = "cm3d"
_SQLITE: Final = "sqlite:///"
_DATABASES: Final = ("sqlite", "postgresql", "mysql", "mssql")
_HAS_SCHEME: Final = re.compile(r"[a-z][\w+.-]*:(//)?[^\s/]|sqlite:///|databricks$", re.IGNORECASE)
_LONGEST_REASON: Final = 300
_ANSWERS_WITHIN_S: Final = 10
# Of PostgreSQL, by which all machines make the tables of a new store one after the other.
_ADVISORY_LOCK: Final = 0x636D3364

# Set before MLflow is imported: no calls home, and a server that is away is noticed in seconds.
_QUIET_ENVIRONMENT: Final = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
}
# MLflow asks whoever opens an experiment for its kind, and shows pages of prompts and traces else.
_KIND: Final = {"mlflow.experimentKind": "custom_model_development"}
# Else MLflow prints the server's URI, with its password, whenever a run ends.
_SILENT_ENVIRONMENT: Final = {"MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true"}


@dataclass(frozen=True)
class Store:
    """Address of an MLflow store.

    Args:
        uri: Tracking URI; may hold a password, so `shown` is what is printed.
        artifacts: Where new experiments keep files; None leaves it to the server.
    """

    uri: str
    artifacts: str | None

    @classmethod
    def from_environment(cls) -> Self:
        """`MLFLOW_TRACKING_URI`, else `mlflow.db` in the project's root.

        Files of a database's runs lie below `MLFLOW_DEFAULT_ARTIFACT_ROOT`, as `s3://bucket/runs`,
        else in `mlartifacts` there; where they lie is settled when the store is made.

        `DVC_ROOT` is the project's root even in a temporary copy of it, which is deleted when
        its experiment ends. A relative path in the URI starts there too.

        Raises:
            InputError: It is no URI of a store that outlives this process, or the place of its
                files has a password, which MLflow would show.
        """
        root = _root()
        uri = os.environ.get("MLFLOW_TRACKING_URI") or f"{_SQLITE}mlflow.db"
        if not _HAS_SCHEME.match(uri) or not uri.isprintable() or " " in uri:
            raise InputError(
                f"MLFLOW_TRACKING_URI: {hidden_in_uri(uri)!r} is no URI of a store; name a server, "
                "as http://host:5000, or a database, as sqlite:///mlflow.db"
            )
        if uri.startswith(_SQLITE):
            uri = f"{_SQLITE}{root / uri.removeprefix(_SQLITE)}"
        if not uri.startswith(_DATABASES):
            return cls(uri, None)
        artifacts = os.environ.get("MLFLOW_DEFAULT_ARTIFACT_ROOT")
        if artifacts and hidden_in_uri(artifacts) != artifacts:
            raise InputError(
                f"MLFLOW_DEFAULT_ARTIFACT_ROOT: {hidden_in_uri(artifacts)} has a password, which "
                "MLflow would show on every run's page; give it by variables or files of its client"
            )
        return cls(uri, artifacts or (root / "mlartifacts").as_uri())

    @property
    def database(self) -> Path | None:
        """File of an SQLite store."""
        is_file = self.uri.startswith(_SQLITE)
        return Path(self.uri.removeprefix(_SQLITE).partition("?")[0]) if is_file else None

    @property
    def shown(self) -> str:
        """The URI with `***` for its password."""
        return hidden_in_uri(self.uri)

    def without_password(self, text: str) -> str:
        """Text of others, which may hold the URI or its password, with `***` for the password."""
        return hidden_of_uri(text, self.uri)


def _root() -> Path:
    """The project's, also in a temporary copy of it."""
    return Path(os.environ.get("DVC_ROOT") or ".").resolve()


@contextmanager
def open_store(store: Store) -> Iterator[Any]:
    """Give an `MlflowClient` of a store that has the experiment `cm3d`.

    MLflow makes and migrates the tables of a database without a lock. One process at a time has a
    store that is a file, and one at a time opens any other database.

    Raises:
        InputError: The database cannot be written, or the server does not answer.
    """
    for name, value in _QUIET_ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    os.environ.update(_SILENT_ENVIRONMENT)
    with _without_info_logs(), logs_without_secrets(store.without_password), ExitStack() as stack:
        from mlflow import MlflowClient  # before the lock, because it takes seconds

        if store.database:
            stack.enter_context(_locked(store.database))
            _prepare(store.database, store.artifacts)
        # a driver that is not installed, a URI that cannot be parsed
        with _in_one_line(store, ImportError, ValueError), _alone_in_database(store):
            client = MlflowClient(store.uri)
            _make_experiment(client, store.artifacts)
        with _in_one_line(store, *_errors_of_clients()):
            yield client


@contextmanager
def _alone_in_database(store: Store) -> Iterator[None]:
    """See whether a database server answers, which MLflow would try for minutes, and wait there.

    PostgreSQL makes all machines wait for each other, a lock file the processes of this folder.
    """
    if not store.uri.startswith(_DATABASES) or store.database:
        yield
        return
    from sqlalchemy import create_engine, text
    from sqlalchemy.engine import make_url
    from sqlalchemy.pool import NullPool

    url = make_url(store.uri)
    is_postgresql = url.get_backend_name() == "postgresql"
    has_timeout = url.get_driver_name() in ("psycopg2", "psycopg")
    timeout = {"connect_timeout": _ANSWERS_WITHIN_S} if has_timeout else {}
    engine = create_engine(store.uri, poolclass=NullPool, connect_args=timeout)
    with engine.connect() as connection, ExitStack() as stack:
        if is_postgresql:  # held until the connection is closed
            connection.execute(text(f"SELECT pg_advisory_lock({_ADVISORY_LOCK})"))
        else:
            stack.enter_context(_locked(_root() / "mlflow.db"))
        yield


def _errors_of_clients() -> tuple[type[Exception], ...]:
    """What clients of object stores raise where an artifact cannot be written."""
    try:
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError:
        return (ImportError,)
    return (ImportError, Boto3Error, BotoCoreError, ClientError)


@contextmanager
def _in_one_line(store: Store, *others: type[Exception]) -> Iterator[None]:
    """Errors of MLflow, and of other kinds, as bad input; their cause would show a password."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    failures: tuple[type[Exception], ...] = (MlflowException, SQLAlchemyError, OSError, *others)
    try:
        yield
    except failures as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(
            f"MLflow at {store.shown}: {store.without_password(reason)[:_LONGEST_REASON]}; "
            f"{_remedy(store, error)}"
        ) from None


def _remedy(store: Store, error: Exception) -> str:
    if isinstance(error, ImportError):
        return "install its client (requirements-mlflow.txt) or unset MLFLOW_TRACKING_URI"
    if isinstance(error, _errors_of_clients()):
        return (
            "check its place of files, MLFLOW_DEFAULT_ARTIFACT_ROOT, and that store's credentials"
        )
    if isinstance(error, OSError) and error.errno is not None:
        return remedy_of(error)
    if store.database:
        return "free its disk, or name another in MLFLOW_TRACKING_URI"
    return "start the server or unset MLFLOW_TRACKING_URI"


def _make_experiment(client: Any, artifacts: str | None) -> None:
    from mlflow.exceptions import MlflowException

    if client.get_experiment_by_name(EXPERIMENT) is None:
        try:
            client.create_experiment(EXPERIMENT, artifact_location=artifacts, tags=_KIND)
        except MlflowException:  # on a server another may have been first
            if client.get_experiment_by_name(EXPERIMENT) is None:
                raise


@contextmanager
def _locked(database: Path) -> Iterator[None]:
    path = database.with_name(f"{database.name or 'mlflow.db'}.lock")
    with ExitStack() as stack:
        try:
            file = stack.enter_context(path.open("w"))
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError as error:
            raise _not_writable(database, unwritable(path, error)) from error
        yield


def _prepare(database: Path, artifacts: str | None) -> None:
    """See whether the database can be written, which MLflow would try for minutes.

    A store in the project's root may be a copy or have moved with it: then its files are where
    the project is now.
    """
    is_own = (database.resolve().parent / "mlartifacts").as_uri() == artifacts
    try:
        with closing(sqlite3.connect(database, timeout=30, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")  # which a file that is read-only grants
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            connection.execute(f"PRAGMA user_version = {int(version)}")
            if artifacts and is_own:
                _move_artifacts(connection, artifacts)
            connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise _not_writable(database, error) from error


def _move_artifacts(connection: sqlite3.Connection, artifacts: str) -> None:
    """Exchange the folder of the project that the database came from for `artifacts`."""
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'experiments'").fetchone():
        return
    moved = connection.execute(
        "SELECT experiment_id, artifact_location FROM experiments WHERE name = ? "
        "AND artifact_location LIKE 'file://%/mlartifacts' AND artifact_location != ?",
        (EXPERIMENT, artifacts),
    )
    for key, old in moved.fetchall():
        connection.execute(
            "UPDATE experiments SET artifact_location = ? WHERE experiment_id = ?", (artifacts, key)
        )
        connection.execute(
            "UPDATE runs SET artifact_uri = ? || substr(artifact_uri, ?) "
            "WHERE experiment_id = ? AND substr(artifact_uri, 1, ?) = ?",
            (artifacts, len(old) + 1, key, len(old) + 1, f"{old}/"),
        )


def _not_writable(database: Path, error: Exception) -> InputError:
    return InputError(
        f"{database}: not a database that can be written ({error}); "
        "free it, or name another in MLFLOW_TRACKING_URI"
    )


@contextmanager
def _without_info_logs() -> Iterator[None]:
    """MLflow and Alembic tell every table that a new database gets."""
    previous = logging.root.manager.disable
    logging.disable(logging.INFO)
    try:
        yield
    finally:
        logging.disable(previous)
