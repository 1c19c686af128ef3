"""A segment's sensor files, a file per cloud and image: what all stages after `download` read.

Waymo's files hold whole segments: to look at one frame, up to 200 would be decoded.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from cm3d.datasets.waymo.cameras import read_cameras, read_shots, stream_images
from cm3d.datasets.waymo.components import CAMERA_IMAGE
from cm3d.datasets.waymo.lidar import stream_clouds
from cm3d.datasets.waymo.reading import check_frames, read_vehicle_poses
from cm3d.datasets.waymo.segments import Segment
from cm3d.errors import writing
from cm3d.execution.files import sync, write_whole

_FORMAT: Final = 1  # of what is written; another number has all segments converted again


@dataclass(frozen=True)
class Places:
    """Where the files of segments are.

    Args:
        root: Folder that paths start from.
        folder: Below it, that all files are in; empty: they are in the root itself.
    """

    root: Path
    folder: str = ""

    def lidar(self, segment: str, time_us: int) -> str:
        """Points of a frame."""
        return str(PurePosixPath(self.folder, "lidar", segment, f"{time_us}.bin"))

    def image(self, segment: str, time_us: int, channel: str) -> str:
        """An image of a frame."""
        return str(PurePosixPath(self.folder, "images", segment, f"{time_us}-{channel}.jpg"))

    def of_segment(self, segment: str) -> list[Path]:
        """Folders of all files of a segment."""
        base = self.root / self.folder
        return [base / "lidar" / segment, base / "images" / segment]

    def mark(self, segment: str) -> Path:
        """What says that a segment is finished, and from what it was made."""
        return self.root / self.folder / "converted" / f"{segment}.json"


def convert(name: str, segments: Mapping[str, Segment], places: Places) -> list[int]:
    """Write a segment's clouds and images, unless they are there.

    Args:
        name: Of the segment.
        segments: All of them.
        places: Where its files go.

    Returns:
        Times (us) of frames that no laser has a row of: they become no keyframes.

    Raises:
        InputError: A file of the segment is malformed, or the folder cannot be written.
    """
    segment = segments[name]
    sources = {"format": _FORMAT, "of": segment.sources()}
    mark = places.mark(name)
    if (done := _finished(mark, sources, places.root)) is not None:
        return done
    with writing(mark):
        mark.unlink(missing_ok=True)
    poses = read_vehicle_poses(segment)
    cameras = read_cameras(segment)
    shots = read_shots(segment, cameras)
    check_frames(segment.path(CAMERA_IMAGE), {time_us for time_us, _ in shots}, poses)
    files: dict[str, int] = {}
    seen: set[int] = set()
    for time_us, points in stream_clouds(segment, poses):
        seen.add(time_us)
        _write(places.root, places.lidar(name, time_us), points.tobytes(), files)
    for time_us, camera, jpeg in stream_images(segment, cameras):
        _write(places.root, places.image(name, time_us, camera.channel), jpeg, files)
    left_out = sorted(poses.keys() - seen)
    for folder in places.of_segment(name):
        with writing(folder):
            if folder.is_dir():
                sync(folder)
    content = {"sources": sources, "left_out": left_out, "files": files}
    write_whole(mark, json.dumps(content).encode())
    return left_out


def _write(root: Path, place: str, content: bytes, files: dict[str, int]) -> None:
    """Write one file at once, since another process may convert the same segment."""
    path = root / place
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(content)
        partial.replace(path)
    files[place] = len(content)


def _finished(mark: Path, sources: Mapping[str, Any], root: Path) -> list[int] | None:
    """Frames left out of a segment whose files are all there; None where it is not finished."""
    try:
        content = json.loads(mark.read_bytes())
        if content["sources"] != sources:
            return None
        if any((root / p).stat().st_size != size for p, size in content["files"].items()):
            return None
        return [int(time_us) for time_us in content["left_out"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None  # no such file, or a damaged one
