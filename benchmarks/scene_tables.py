"""Scenes as the `lift` stage finds them: tables below `data/`, LiDAR files in a data set."""

import dataclasses
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from cm3d.datasets.nuscenes import CARD
from cm3d.sensors.card import Sensors
from cm3d.tables import Cameras, Frames, Lanes, Masks, Sweeps, layout
from cm3d.tables.table import TableT

_FRAME_STEP_US = 500_000
_SWEEP_STEP_S = 0.05


@dataclass(frozen=True, eq=False)
class SceneTables:
    """What lifting reads of one scene, and the root of its LiDAR files."""

    root: Path
    frames: Frames
    sweeps: Sweeps
    cameras: Cameras
    masks: Masks
    lanes: Lanes

    def repeated(self, frames: int, sweeps: int) -> "SceneTables":
        """This keyframe and its sweep again and again, as a scene of a standing vehicle."""
        tokens = [f"frame-{index:03d}" for index in range(frames)]
        times_us = _FRAME_STEP_US * np.arange(frames)
        aged = Sweeps.concatenate(
            self.sweeps.replace(sweep_index=[index], time_lag_s=[_SWEEP_STEP_S * index])
            for index in range(sweeps)
        )
        return dataclasses.replace(
            self,
            frames=_copies(self.frames, tokens).replace(timestamp_us=times_us),
            sweeps=_copies(aged, tokens),
            cameras=_copies(self.cameras, tokens),
            masks=_copies(self.masks, tokens),
        )

    def write(self, scene: str) -> None:
        """Write the tables of a scene below the current folder."""
        named = np.full(len(self.frames), scene, dtype=object)
        self.frames.replace(scene_name=named).write(layout.FRAMES / f"{scene}.parquet")
        self.sweeps.write(layout.SWEEPS / f"{scene}.parquet")
        self.cameras.write(layout.CAMERAS / f"{scene}.parquet")
        self.masks.write(layout.MASKS / f"{scene}.parquet")
        self.lanes.write(layout.LANES / f"{self.frames.location[0]}.parquet")

    @property
    def sensors(self) -> Sensors:
        """Where the LiDAR files are."""
        return Sensors(self.root.resolve(), CARD.lidar)


def _copies(table: TableT, tokens: list[str]) -> TableT:
    return type(table).concatenate(
        _copy(table, token, number) for number, token in enumerate(tokens)
    )


def _copy(table: TableT, token: str, number: int) -> TableT:
    """The table of a keyframe of this token, and of images and detections that no other has."""
    columns = {"sample_token": np.full(len(table), token, dtype=object)}
    if isinstance(table, Cameras | Masks):
        columns["camera_token"] = f"{token}-" + table.camera_token
    if isinstance(table, Masks):
        columns["detection_id"] = table.detection_id + number * (table.detection_id.max() + 1)
    return table.replace(**columns)


@contextmanager
def temporary_project() -> Iterator[Path]:
    """An empty folder as the current one, so that stages read and write there."""
    with TemporaryDirectory() as folder, chdir(folder):
        yield Path(folder)
