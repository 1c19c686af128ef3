"""The sequences below a root, and the files of each."""

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from cm3d.datasets.pandaset.frames import AGAIN
from cm3d.errors import InputError
from cm3d.params import check_file

_SITE: Final = "https://pandaset.org"
_LISTED: Final = 3
_TRAILER_BYTES: Final = 8  # with which gzip ends: checksum and length of the content


@dataclass(frozen=True)
class Drive:
    """A sequence: eight seconds, 80 sweeps of the LiDARs and as many images of each camera.

    Args:
        folder: Its own, whose name is that of the sequence.
    """

    folder: Path

    @property
    def name(self) -> str:
        """Of the sequence."""
        return self.folder.name

    @cached_property
    def count(self) -> int:
        """Number of sweeps.

        Raises:
            InputError: There is none, or one before the last is missing.
        """
        names = {path.name for path in self.lidar.glob("*.pkl.gz")}
        _refuse_gaps(self.lidar, names, len(names))
        return len(names)

    @property
    def lidar(self) -> Path:
        """Folder of sweeps."""
        return self.folder / "lidar"

    @property
    def cuboids(self) -> Path:
        """Folder of annotated boxes, if there is one."""
        return self.folder / "annotations" / "cuboids"

    @property
    def cameras(self) -> list[Path]:
        """Folders of cameras.

        Raises:
            InputError: There is none.
        """
        folder = self.folder / "camera"
        found = sorted(path for path in folder.glob("*") if path.is_dir())
        if not found:
            raise InputError(f"{folder}: no folder of a camera in it; get the images from {_SITE}")
        return found

    def has_boxes(self) -> bool:
        """Whether it is annotated.

        Raises:
            InputError: It is in part.
        """
        names = {path.name for path in self.cuboids.glob("*.pkl.gz")}
        if names:
            _refuse_gaps(self.cuboids, names, self.count)
        return bool(names)

    def identity_of_sweeps(self) -> str:
        """What points in the sensor's frame depend on, as a number."""
        tables = [self.lidar / table_name(number) for number in range(self.count)]
        return _identity([*tables, self.lidar / "poses.json"])

    def identity(self) -> str:
        """All but the images, as a number."""
        texts = [self.lidar / "timestamps.json", *self.folder.glob("camera/*/*.json")]
        labels = self.cuboids.glob("*.pkl.gz")
        return f"{self.identity_of_sweeps()}-{_identity([*sorted(texts), *sorted(labels)])}"


def table_name(number: int) -> str:
    """Of the table of a sweep, or of its boxes."""
    return f"{number:02d}.pkl.gz"


def find_drives(root: Path) -> list[Drive]:
    """The sequences below a root, by name.

    Raises:
        InputError: There is none.
    """
    folders = sorted(path.parent for path in root.glob("*/lidar") if path.is_dir())
    if not folders:
        raise InputError(
            f"{root}: no sequence NAME/lidar/00.pkl.gz in it; get PandaSet from {_SITE}, or set "
            "PANDASET_ROOT or dataset.root to the folder that 001, 002 and so on lie in"
        )
    return [Drive(folder) for folder in folders]


def _refuse_gaps(folder: Path, names: set[str], count: int) -> None:
    expected = [table_name(number) for number in range(max(count, 1))]
    missing = [name for name in expected if name not in names]
    if missing:
        more = f" and {len(missing) - _LISTED} more" if len(missing) > _LISTED else ""
        raise InputError(
            f"{folder}: {', '.join(missing[:_LISTED])}{more} missing; unpack the sequence again"
        )
    if strange := sorted(names - set(expected)):
        raise InputError(f"{folder / strange[0]}: of no sweep of the sequence; take it away")


def _identity(paths: Iterable[Path]) -> str:
    """Of JSON files by content; of compressed ones by size and what gzip says of the content."""
    digest = hashlib.md5(usedforsecurity=False)
    for path in paths:
        digest.update(str(path.relative_to(path.parents[2])).encode())
        check_file(path, AGAIN)
        try:
            with path.open("rb") as file:
                if path.suffix == ".gz":
                    size_bytes = file.seek(0, os.SEEK_END)
                    file.seek(max(0, size_bytes - _TRAILER_BYTES))
                    digest.update(str(size_bytes).encode())
                digest.update(file.read())
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror}); {AGAIN}") from error
    return digest.hexdigest()
