"""What is missing below a nuScenes root, and how to get it."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from cm3d.datasets.database import FIELDS
from cm3d.datasets.lanes import map_path
from cm3d.errors import InputError

_SITE = "https://www.nuscenes.org/nuscenes#download"
_MAX_LISTED = 5
_LIDAR_POINT_BYTES = 20


def check_tables(root: Path, version: str) -> None:
    """Check that all tables of a version are there.

    Raises:
        InputError: Some are missing; the message names them and says how to get them.
    """
    paths = [f"{version}/{table}.json" for table in FIELDS]
    missing = [path for path in paths if not (root / path).is_file()]
    if missing:
        raise InputError(
            f"{root}: {_listed(missing, len(paths), 'tables')}; get the metadata of {version} "
            f"from {_SITE}, set dataset.fetch for v1.0-mini, or correct NUSCENES_ROOT, "
            "dataset.root or dataset.version"
        )


def check_sensor_files(root: Path, version: str, paths: Iterable[str]) -> None:
    """Check that sensor files are there and not cut short.

    Args:
        root: Root folder of the data set.
        version: The version that they belong to.
        paths: `path` columns of sweeps and cameras; repeated paths are looked at once.

    Raises:
        InputError: Some are not; the message names them and says how to get them.
    """
    unique = sorted(set(paths))
    missing = [path for path in unique if not _is_whole(root / path)]
    if missing:
        raise InputError(
            f"{root}: {_listed(missing, len(unique), 'sensor files')}; unpack the file blobs of "
            f"{version} there, keyframes and sweeps, from {_SITE}"
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


def _is_whole(path: Path) -> bool:
    try:
        size_bytes = path.stat().st_size
    except OSError:
        return False
    return size_bytes > 0 and not (path.suffix == ".bin" and size_bytes % _LIDAR_POINT_BYTES)


def _listed(missing: Sequence[str], total: int, what: str) -> str:
    more = f" and {len(missing) - _MAX_LISTED} more" if len(missing) > _MAX_LISTED else ""
    names = ", ".join(missing[:_MAX_LISTED])
    return f"{len(missing)} of {total} {what} are missing or cut short: {names}{more}"
