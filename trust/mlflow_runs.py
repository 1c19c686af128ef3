"""What an MLflow store says of its runs, read from its database."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Run:
    """Parameters and last metrics of a run."""

    params: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)


def runs_of(database: Path) -> dict[str, list[Run]]:
    """Runs by the name of their experiment."""
    if not database.is_file():
        return {}
    with closing(sqlite3.connect(database)) as connection:
        names = dict(connection.execute("select run_uuid, name from runs").fetchall())
        runs = {key: Run() for key in names}
        for key, name, value in connection.execute("select run_uuid, key, value from params"):
            runs[key].params[name] = value
        rows = connection.execute("select run_uuid, key, value from latest_metrics")
        for key, name, score in rows:
            runs[key].metrics[name] = score
    found: dict[str, list[Run]] = {}
    for key, name in names.items():
        found.setdefault(name, []).append(runs[key])
    return found
