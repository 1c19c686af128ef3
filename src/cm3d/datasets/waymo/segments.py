"""Which segments are there, and whether all files of each are."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cm3d.datasets.waymo.components import (
    LIDAR_BOX,
    LIDAR_CAMERA_PROJECTION,
    NEEDED,
    Component,
)
from cm3d.errors import InputError
from cm3d.params import check_file

SPLIT_OF: Final = {"training": "train", "validation": "val"}

_SITE: Final = "https://waymo.com/open/download"
_LISTED: Final = 3
_TAIL_BYTES: Final = 1 << 16


@dataclass(frozen=True, order=True)
class Segment:
    """A drive of some 20 s.

    Args:
        folder: Of its split, `training` or `validation`, with a folder per component.
        name: Its context name, that of its files.
        has_boxes: Whether it is labelled.
    """

    folder: Path
    name: str
    has_boxes: bool

    @property
    def split(self) -> str:
        """As the tables have it."""
        return SPLIT_OF[self.folder.name]

    @property
    def has_projections(self) -> bool:
        """Whether Waymo says where its points are in images."""
        return os.path.lexists(self.path(LIDAR_CAMERA_PROJECTION))

    def path(self, component: Component) -> Path:
        """Its file of a component."""
        return self.folder / component.folder / f"{self.name}.parquet"

    def sources(self) -> dict[str, Any]:
        """What its files are known by: size, and checksum of the end, where Parquet says it all."""
        components = [*NEEDED, *((LIDAR_BOX,) if self.has_boxes else ())]
        components += [LIDAR_CAMERA_PROJECTION] if self.has_projections else []
        return {component.folder: identity(self.path(component)) for component in components}


def find_segments(root: Path) -> list[Segment]:
    """The segments below a root, by split and name.

    Raises:
        InputError: There is none, one lacks a component, or one lies in both splits.
    """
    segments = [segment for split in SPLIT_OF for segment in _of_split(root, root / split)]
    if not segments:
        raise InputError(
            f"{root}: no segment in {' or '.join(f'{n}/COMPONENT' for n in SPLIT_OF)}; get the "
            f"Parquet components (v2) from {_SITE} or correct WAYMO_ROOT or dataset.root"
        )
    folders: dict[str, Path] = {}
    for segment in segments:
        if (other := folders.setdefault(segment.name, segment.folder)) != segment.folder:
            raise InputError(
                f"{segment.folder}: segment {segment.name} lies in {other} too; take it out of one"
            )
    return segments


def identity(path: Path) -> dict[str, Any]:
    """Size of a file and checksum of its end."""
    with check_file(path, "fetch it again").open("rb") as file:
        size_bytes = file.seek(0, os.SEEK_END)
        file.seek(max(0, size_bytes - _TAIL_BYTES))
        digest = hashlib.md5(file.read(), usedforsecurity=False).hexdigest()
    return {"size_bytes": size_bytes, "md5_of_end": digest}


def _of_split(root: Path, folder: Path) -> list[Segment]:
    found = {component: _names(folder / component.folder) for component in NEEDED}
    boxes = _names(folder / LIDAR_BOX.folder)
    if boxes:
        found[LIDAR_BOX] = boxes
    names = sorted(set().union(*found.values()))
    missing = [
        f"{component.folder}/{name}.parquet"
        for name in names
        for component, own in found.items()
        if name not in own
    ]
    if missing:
        more = f" and {len(missing) - _LISTED} more" if len(missing) > _LISTED else ""
        raise InputError(
            f"{folder}: {len(missing)} files of {len(names)} segments are missing: "
            f"{', '.join(missing[:_LISTED])}{more}; {_remedy(root, folder, missing)}"
        )
    return [Segment(folder, name, name in boxes) for name in names]


def _remedy(root: Path, folder: Path, missing: Sequence[str]) -> str:
    for other in SPLIT_OF:
        if other != folder.name and (root / other / missing[0]).is_file():
            return f"that one lies in {root / other}: move the segment's files to one split"
    return f"get them from {_SITE} or take the segment's other files away"


def _names(folder: Path) -> set[str]:
    return {path.stem for path in folder.glob("*.parquet") if not path.name.startswith(".")}
