"""Scenes that an interrupted stage has finished: files that the next run must take as they are."""

import json
from collections.abc import Mapping
from pathlib import Path

from trust.kinds import Kind

# Identity of a file that moves keep and rewriting does not: inode and time.
Identity = tuple[int, int]


def finished_scenes(root: Path, kind: Kind) -> dict[str, Identity]:
    """Files of finished scenes in a stage's work folders, by where they go when it is done.

    A scene's table is finished when its note is there as well; a simulated scene when its record
    is.
    """
    found: dict[str, Identity] = {}
    outputs = {Path(output).name: output for output in kind.outputs}
    for work in (root / ".cache" / "resume").glob(f"{kind.name}-*/*"):
        if work.name in outputs and work.is_dir():
            for table in work.glob("*.parquet"):
                if (work.with_name(f"{work.name}.notes") / f"{table.stem}.json").is_file():
                    found[f"{outputs[work.name]}/{table.name}"] = identity(table)
        if kind.name == "download" and work.name == "raw":
            for file in _recorded_files(work):
                found[f"data/raw/{file.relative_to(work)}"] = identity(file)
    return found


def repeated(root: Path, before: Mapping[str, Identity]) -> list[str]:
    """Files that were made again though they had been finished."""
    return [
        name
        for name, known in before.items()
        if not (root / name).is_file() or identity(root / name) != known
    ]


def identity(file: Path) -> Identity:
    """What tells a file from one that was written anew with the same bytes."""
    status = file.stat()
    return status.st_ino, status.st_mtime_ns


def _recorded_files(raw: Path) -> list[Path]:
    """Sensor files of simulated scenes whose record is written."""
    records = (json.loads(path.read_text()) for path in (raw / "records").glob("*.json"))
    files = (raw / row["filename"] for record in records for row in record["sample_data"])
    return [file for file in files if file.is_file()]
