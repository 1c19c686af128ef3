"""The MLflow store: where it is, and a client that fails soon and in one line."""

import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from cm3d.errors import InputError

_SQLITE: Final = "sqlite:///"

# Set before MLflow is imported: no calls home, and a server that is away is noticed in seconds.
_QUIET_ENVIRONMENT: Final = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
}


@dataclass(frozen=True)
class Store:
    """Address of an MLflow store.

    Args:
        uri: Tracking URI.
        artifacts: Where new experiments keep files; None leaves it to the server.
    """

    uri: str
    artifacts: str | None

    @classmethod
    def from_environment(cls) -> Self:
        """`MLFLOW_TRACKING_URI`, else `mlflow.db` in the project's root.

        `DVC_ROOT` is the project's root even in a temporary copy of it, which is deleted when
        its experiment ends.
        """
        uri = os.environ.get("MLFLOW_TRACKING_URI")
        if uri:
            return cls(uri, None)
        root = Path(os.environ.get("DVC_ROOT") or ".").resolve()
        return cls(f"{_SQLITE}{root / 'mlflow.db'}", (root / "mlartifacts").as_uri())


@contextmanager
def open_store(store: Store) -> Iterator[Any]:
    """Give an `MlflowClient`.

    Raises:
        InputError: The database cannot be written, or the server does not answer.
    """
    if store.uri.startswith(_SQLITE):
        _check_writable(Path(store.uri.removeprefix(_SQLITE)))
    for name, value in _QUIET_ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    with _without_info_logs():
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException

        try:
            yield MlflowClient(store.uri)
        except (MlflowException, OSError) as error:
            reason = str(error).strip().splitlines()[0]
            raise InputError(
                f"MLflow at {store.uri}: {reason}; start the server or unset MLFLOW_TRACKING_URI"
            ) from error


def _check_writable(database: Path) -> None:
    """MLflow would try for minutes to open a database that cannot be opened."""
    try:
        with closing(sqlite3.connect(database, timeout=30)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.rollback()
    except sqlite3.Error as error:
        raise InputError(
            f"{database}: not a database that can be written ({error}); "
            "free it, or name another in MLFLOW_TRACKING_URI"
        ) from error


@contextmanager
def _without_info_logs() -> Iterator[None]:
    """MLflow and Alembic tell every table that a new database gets."""
    previous = logging.root.manager.disable
    logging.disable(logging.INFO)
    try:
        yield
    finally:
        logging.disable(previous)
