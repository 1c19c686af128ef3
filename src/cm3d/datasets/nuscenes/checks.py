"""What is missing below a nuScenes root, and how to get it."""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from cm3d.datasets.nuscenes.maps import map_path
from cm3d.datasets.nuscenes.schema import FIELDS
from cm3d.errors import InputError
from cm3d.params import checked_name

_SITE = "https://www.nuscenes.org/nuscenes#download"
_MAX_LISTED = 5


def check_tables(root: Path, version: str) -> None:
    """Check that all tables of a version are there.

    Raises:
        InputError: The version is no name, or tables are missing; the message names them and says
            how to get them.
    """
    checked_name(version, "dataset.version")
    paths = [f"{version}/{table}.json" for table in FIELDS]
    missing = [path for path in paths if not (root / path).is_file()]
    if missing:
        raise InputError(
            f"{root}: {_listed(missing, len(paths), 'tables')}; get the metadata of {version} "
            f"from {_SITE}, set dataset.fetch for v1.0-mini, or correct NUSCENES_ROOT, "
            "dataset.root or dataset.version"
        )


def missing_maps(root: Path, locations: Iterable[str]) -> str | None:
    """One line on map expansions that are not there; None if all are.

    That is no error: without lanes, vehicles are not oriented by them.
    """
    paths = [str(map_path(location)) for location in sorted(set(locations)) if location]
    missing = [path for path in paths if not (root / path).is_file()]
    if not missing:
        return None
    return (
        f"{root}: {_listed(missing, len(paths), 'map expansions')}; without lanes vehicles get "
        f"yaw 0; unpack the map expansion v1.3 from {_SITE} into {root}/maps"
    )


def _listed(missing: Sequence[str], total: int, what: str) -> str:
    more = f" and {len(missing) - _MAX_LISTED} more" if len(missing) > _MAX_LISTED else ""
    names = ", ".join(missing[:_MAX_LISTED])
    return f"{len(missing)} of {total} {what} are missing or cut short: {names}{more}"


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
