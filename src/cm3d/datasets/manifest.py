"""What identifies a data set that stays outside the project."""

import hashlib
from pathlib import Path

from cm3d.datasets.database import FIELDS


def metadata_manifest(root: Path, version: str) -> dict[str, object]:
    """Size and checksum of every metadata table of one version, by file name.

    The sensor files of a version never change without its tables, so they are not read.
    """
    names = [*(f"{table}.json" for table in FIELDS), "splits.json"]
    paths = [root / version / name for name in sorted(names)]
    return {"version": version, "tables": {p.name: _digest(p) for p in paths if p.is_file()}}


def _digest(path: Path) -> dict[str, object]:
    with path.open("rb") as file:
        checksum = hashlib.file_digest(file, "md5").hexdigest()
    return {"size_bytes": path.stat().st_size, "md5": checksum}
