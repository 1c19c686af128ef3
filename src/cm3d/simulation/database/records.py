"""Rows of nuScenes' tables as plain values, and how they are written."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from cm3d.geometry.se3 import SE3

Row: TypeAlias = dict[str, Any]


def token(*parts: object) -> str:
    """A key of 32 hexadecimal digits, the same whenever the parts are."""
    name = "/".join(map(str, parts))
    return hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()


def pose_fields(dst_SE3_src: SE3) -> Row:
    """The `translation` and `rotation` of a row: metres and (w, x, y, z)."""
    pose = dst_SE3_src.as_pose().tolist()
    return {"translation": pose[4:], "rotation": pose[:4]}


def link(rows: Iterable[Row], key: str) -> None:
    """Chain rows in their order by `prev` and `next`, apart for each value of `key`."""
    last: dict[Any, Row] = {}
    for row in rows:
        before = last.get(row[key])
        row["prev"], row["next"] = "", ""
        if before is not None:
            row["prev"], before["next"] = before["token"], row["token"]
        last[row[key]] = row


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(content)
    partial.replace(path)


def write_table(path: Path, rows: Iterable[Row]) -> None:
    """Write a table as JSON, a row per line."""
    lines = ",\n".join(json.dumps(row) for row in rows)
    write_whole(path, f"[\n{lines}\n]\n".encode())


def record_path(root: Path, scene_name: str) -> Path:
    """Where a finished scene's rows wait for `assemble_database`."""
    return root / "records" / f"{scene_name}.json"


def write_digests(root: Path, scene_name: str, files: Mapping[str, str]) -> None:
    """Say that a scene is finished, and what makes it so.

    Args:
        root: Folder of the data set.
        scene_name: Which scene.
        files: SHA-256 of each of its files, by path below `root`.
    """
    write_whole(_digests_path(root, scene_name), json.dumps(files).encode())


def is_finished(root: Path, scene_name: str) -> bool:
    """Whether all files of a scene are there, and as they were written.

    A power failure may cut some short, or leave zeros in their place.
    """
    try:
        files: dict[str, str] = json.loads(_digests_path(root, scene_name).read_bytes())
        return bool(files) and all(digest(root / p) == wanted for p, wanted in files.items())
    except (OSError, ValueError, AttributeError, TypeError):
        return False


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _digests_path(root: Path, scene_name: str) -> Path:
    return root / "records" / f"{scene_name}.sha256"
