"""KITTI's label text: a folder per camera, a file per keyframe."""

import csv
import io
from collections.abc import Collection, Iterator

from cm3d.errors import InputError
from cm3d.export.kitti.lines import label_lines
from cm3d.export.kitti.words import kitti_types
from cm3d.export.protocol import File, Labels
from cm3d.params import is_name
from cm3d.tables import Cameras, Frames, layout, read_scenes
from cm3d.tables.words import rows_by_word
from cm3d.taxonomy import Taxonomy


def class_names(taxonomy: Taxonomy) -> Collection[str]:
    """All of them: KITTI has a type for what has no other."""
    return kitti_types(taxonomy).keys()


def files(labels: Labels) -> Iterator[File]:
    """`frames.csv`, which numbers the keyframes, and `CAMERA/NUMBER.txt` for each image."""
    cameras = read_scenes(Cameras, layout.CAMERAS, labels.scenes)
    for channel in sorted(set(cameras.channel)):
        if not is_name(channel):
            raise InputError(
                f"{layout.CAMERAS}: camera {channel!r} cannot name a folder; rename it in the data "
                "set and rerun `download`"
            )
    yield "frames.csv", _numbers(labels.frames)
    types, tokens = kitti_types(labels.taxonomy), labels.frames.sample_token.tolist()
    of_frames = rows_by_word(labels.boxes.sample_token, tokens)
    images = rows_by_word(cameras.sample_token, tokens)
    for number, (own, rows) in enumerate(zip(of_frames, images, strict=True)):
        boxes = labels.boxes[own]
        for row in rows:
            lines = label_lines(boxes, cameras[row : row + 1], types)
            text = "".join(f"{line}\n" for line in lines)
            yield f"{cameras.channel[row]}/{_stem(number)}.txt", text.encode()


def _numbers(frames: Frames) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["number", "scene_name", "sample_token", "timestamp_us"])
    for number, row in enumerate(
        zip(frames.scene_name, frames.sample_token, frames.timestamp_us.tolist(), strict=True)
    ):
        writer.writerow([_stem(number), *row])
    return text.getvalue().encode()


def _stem(number: int) -> str:
    """KITTI's names of files have six digits."""
    return f"{number:06d}"
