"""What a stage has left behind: digests of its outputs, and what should not be there."""

import hashlib
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Final

from trust.kinds import Kind

# Files of unfinished work, wherever they are.
_UNFINISHED: Final = (".*.partial", "*.notes", "*.new", ".*.unpacked")
_PLACES: Final = ("data", "metrics", ".cache")
_RECORDED: Final = {
    "metrics": "key, value, step, is_nan",
    "params": "key, value",
    "tags": "key, value",
}


def digests(root: Path, paths: Iterable[str]) -> dict[str, str]:
    """SHA-256 of every file at or below the paths, by its path from `root`.

    `.gitignore`, which DVC writes, is no content.
    """
    found = {}
    for place in (root / path for path in paths):
        files = [place] if place.is_file() else sorted(place.rglob("*"))
        for file in files:
            if file.is_file() and file.name != ".gitignore":
                with file.open("rb") as content:
                    digest = hashlib.file_digest(content, "sha256").hexdigest()
                found[str(file.relative_to(root))] = digest
    return found


def content_of(root: Path, kind: Kind) -> dict[str, str]:
    """Digests of a stage's outputs; of `track`, which has none, of what MLflow's runs say."""
    if kind.name == "track":
        return recorded(root / "mlflow.db")
    return digests(root, kind.outputs)


def recorded(database: Path) -> dict[str, str]:
    """Digests of what an MLflow store says of its runs, without their keys and times."""
    if not database.is_file():
        return {}
    with closing(sqlite3.connect(database)) as connection:
        (runs,) = connection.execute("select count(*) from runs").fetchone()
        found = {f"{database.name}: runs": str(runs)}
        for table, columns in _RECORDED.items():
            query = f"select {columns} from {table}"  # noqa: S608 (constants)
            rows = sorted(connection.execute(query).fetchall())
            found[f"{database.name}: {table}"] = hashlib.sha256(repr(rows).encode()).hexdigest()
    return found


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Names of files that are missing, new or other than before, each with which of these."""
    missing = [f"{name} is missing" for name in before if name not in after]
    new = [f"{name} is new" for name in after if name not in before]
    other = [f"{name} differs" for name in before if after.get(name, before[name]) != before[name]]
    return sorted([*missing, *new, *other])


def leftovers(root: Path) -> list[str]:
    """Unfinished work and locks that no stage should leave once it has ended well."""
    found = {
        path
        for place in _PLACES
        for pattern in _UNFINISHED
        for path in (root / place).rglob(pattern)
    }
    resume = root / ".cache" / "resume"
    if resume.is_dir():
        found |= set(resume.iterdir())
    return sorted(str(path.relative_to(root)) for path in found)
