"""Long scenes out of short ones: keyframes driven to and fro, under new tokens and times."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from cm3d.sensors.instances import instance_image_path
from cm3d.tables import Boxes3D, Cameras, Frames, GroundTruth, Sweeps, layout
from cm3d.tables.table import TableT

_STEP_US: Final = 500_000
_CAMERA: Final = "CAM_FRONT"


def write_scenes(root: Path, count: int, frames: int) -> None:
    """Replace the index of a clone by so many scenes of so many keyframes.

    Sensor files are those of the clone; of the cameras one stays. The first scene trains.

    Args:
        root: Of the clone, whose scenes are repeated in turn.
        count: Number of scenes.
        frames: Keyframes of each.
    """
    index, old = root / layout.INDEX, root / "data" / "index.old"
    if not old.is_dir():
        index.rename(old)
    shutil.rmtree(index, ignore_errors=True)
    shutil.copytree(old, index)
    folders = [layout.FRAMES, layout.SWEEPS, layout.CAMERAS, layout.GROUND_TRUTH]
    for folder in [*folders, layout.BICYCLE_RACKS]:
        for path in (root / folder).glob("*.parquet"):
            path.unlink()
    templates = sorted((old / layout.FRAMES.name).glob("*.parquet"))
    for number in range(count):
        split = "train" if number == 0 else "val"
        template = templates[number % len(templates)].name
        _write_scene(root, old, template, f"copy-{number:03}", frames, split)


def to_and_fro(length: int, count: int) -> list[int]:
    """So many steps along places 0 to `length` - 1 and back, again and again."""
    there_and_back = [*range(length), *range(length - 2, 0, -1)]
    return [there_and_back[step % len(there_and_back)] for step in range(count)]


def _write_scene(root: Path, old: Path, template: str, name: str, frames: int, split: str) -> None:
    source = Frames.read(old / layout.FRAMES.name / template).sorted()
    places = to_and_fro(len(source), frames)
    tokens = [f"{name}-{step:04}" for step in range(frames)]
    drive = Frames.concatenate(source[np.array([place])] for place in places)
    drive = drive.replace(
        sample_token=tokens,
        scene_name=[name] * frames,
        timestamp_us=source.timestamp_us[0] + _STEP_US * np.arange(frames),
        split=[split] * frames,
    )
    _write(drive, root / layout.FRAMES, name)

    old_tokens = [str(source.sample_token[place]) for place in places]
    cameras = Cameras.read(old / layout.CAMERAS.name / template)
    cameras = cameras[cameras.channel == _CAMERA]
    views = _repeated(cameras, old_tokens, tokens)
    camera_tokens = [f"{token}-{_CAMERA}" for token in views.sample_token]
    _link_instances(root / layout.RAW, views, camera_tokens)
    _write(views.replace(camera_token=camera_tokens), root / layout.CAMERAS, name)
    for table, folder in ((Sweeps, layout.SWEEPS), (Boxes3D, layout.BICYCLE_RACKS)):
        rows = table.read(old / folder.name / template)
        _write(_repeated(rows, old_tokens, tokens), root / folder, name)
    truth = GroundTruth.read(old / layout.GROUND_TRUTH.name / template)
    _write(_repeated(truth, old_tokens, tokens), root / layout.GROUND_TRUTH, name)


def _repeated(table: TableT, old_tokens: Sequence[str], tokens: Sequence[str]) -> TableT:
    """The rows of each keyframe in turn, under its new token."""
    parts = [table[table.sample_token == old] for old in old_tokens]  # type: ignore[attr-defined]
    return type(table).concatenate(
        part.replace(sample_token=[new] * len(part))
        for part, new in zip(parts, tokens, strict=True)
    )


def _write(table: Frames | Sweeps | Cameras | Boxes3D, folder: Path, name: str) -> None:
    table.write(folder / f"{name}.parquet")


def _link_instances(raw: Path, views: Cameras, camera_tokens: Sequence[str]) -> None:
    for old, new in zip(views.camera_token, camera_tokens, strict=True):
        path = raw / instance_image_path(new)
        if not path.exists():
            os.link(raw / instance_image_path(str(old)), path)
