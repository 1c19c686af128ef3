"""A segment's sensor files, a file per cloud and image: what all stages after `download` read.

Waymo's files hold whole segments: to look at one frame, up to 200 would be decoded.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from cm3d.datasets.conversion import Conversion
from cm3d.datasets.waymo.cameras import read_cameras, read_shots, stream_images
from cm3d.datasets.waymo.components import CAMERA_IMAGE
from cm3d.datasets.waymo.lidar import stream_clouds
from cm3d.datasets.waymo.projections import stream_pixels
from cm3d.datasets.waymo.reading import check_frames, read_vehicle_poses
from cm3d.datasets.waymo.segments import Segment
from cm3d.errors import writing
from cm3d.sensors.pixels import SUFFIX, encode, pixels_path

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

    def pixels(self, segment: str, time_us: int) -> str:
        """Where these points are in images."""
        return str(pixels_path(Path(self.lidar(segment, time_us))))

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
    conversion = Conversion(places.root, places.mark(name), sources)
    if (done := conversion.finished()) is not None:
        return done
    conversion.begin()
    for stale in places.of_segment(name)[0].glob(f"*{SUFFIX}"):  # optional, so read where it lies
        with writing(stale):
            stale.unlink(missing_ok=True)
    poses = read_vehicle_poses(segment)
    cameras = read_cameras(segment)
    shots = read_shots(segment, cameras)
    check_frames(segment.path(CAMERA_IMAGE), {time_us for time_us, _ in shots}, poses)
    seen: set[int] = set()
    for time_us, points in stream_clouds(segment, poses):
        seen.add(time_us)
        conversion.write(places.lidar(name, time_us), points.tobytes())
    for time_us, pixels in stream_pixels(segment, cameras, poses):
        conversion.write(places.pixels(name, time_us), encode(pixels))
    for time_us, camera, jpeg in stream_images(segment, cameras):
        conversion.write(places.image(name, time_us, camera.channel), jpeg)
    left_out = sorted(poses.keys() - seen)
    conversion.finish(places.of_segment(name), left_out)
    return left_out
