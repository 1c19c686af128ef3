"""Parameters of how work is spread, of the data set, its labels and its scoring."""

import os
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field

from cm3d.errors import InputError
from cm3d.params.fields import (
    NO_FILE,
    Count,
    Few,
    FewOrNone,
    Line,
    Name,
    NamedFile,
    NonNegative,
    Section,
    Share,
)

EMBEDDED: Final = ("sim", "waymo_sim")  # data sets that are simulated on the spot

_Noise = Annotated[float, Field(ge=0, le=10)]


class Execution(Section):
    """How work is spread over the machine."""

    engine: Literal["serial", "processes", "ray"]
    workers: Few
    device: Literal["auto", "cpu", "cuda"]
    gpus_per_worker: Annotated[float, Field(ge=0, le=64)]
    readers: FewOrNone
    image_batch: Few
    box_batch: Count
    trainers: Few | Literal["auto"]
    loaders: FewOrNone
    cached_clouds_gb: NonNegative
    frame_batch: Few
    checkpoint_s: NonNegative
    max_unreadable: Share


class Dataset(Section):
    """Which data set, and what the index takes from it."""

    name: Name
    root: Line | None
    version: Name
    fetch: bool
    past_sweeps: FewOrNone
    lane_step_m: Annotated[float, Field(ge=0.05, le=100)]


class Simulation(Section):
    """Scale and sensors of the embedded data set."""

    train_scenes: Count
    val_scenes: Count
    keyframes_per_scene: Annotated[int, Field(ge=2, le=10_000)]
    image_scale: Annotated[float, Field(ge=0.05, le=1)]
    lidar_beams: Literal[32, 64]
    lidar_range_noise_m: _Noise
    lidar_dropout: Share
    lidar_body_recess_m: Annotated[float, Field(ge=0, le=1)]
    lidar_glass_transmission: Share
    lidar_cabin_path_m: Annotated[float, Field(ge=0.001, le=10)]
    lidar_mixed_share: Share
    lidar_smear: bool
    camera_mounting_error_deg: _Noise
    camera_mounting_error_m: _Noise
    ego_pose_error_deg: _Noise
    ego_pose_error_m: _Noise
    traffic_density: Annotated[float, Field(ge=0, le=20)]


class Labels(Section):
    """The labelled part of the train split."""

    fraction: Share
    draw: Annotated[int, Field(ge=0, le=1000)]
    sampling: Literal["uniform", "consecutive"]
    frames_file: NamedFile

    @property
    def are_listed(self) -> bool:
        """Whether a file says which frames have labels."""
        return self.frames_file != NO_FILE


class Scoring(Section):
    """Where scores are measured."""

    split: Literal["train", "val"]


class Evaluate(Section):
    """What computes the final scores."""

    protocol: Literal["nuscenes", "waymo"]
    engine: Literal["fast", "devkit"]


def data_root(dataset: Dataset, must_exist: bool = True) -> Path:
    """Root folder of a data set that lies outside of the project.

    It is looked for in `dataset.root`, `$<NAME>_ROOT` (as `$NUSCENES_ROOT`) and `data/<name>` in
    this order; relative paths start at `$DVC_ROOT`, the workspace, also where DVC runs an
    experiment in a temporary copy.

    Raises:
        InputError: It is not there.
    """
    variable = f"{dataset.name.upper()}_ROOT"
    named = dataset.root or os.environ.get(variable)
    root = (
        Path(os.environ.get("DVC_ROOT", ".")) / Path(named or f"data/{dataset.name}").expanduser()
    )
    if must_exist and not root.is_dir():
        raise InputError(f"{root}: no {dataset.name} there; set {variable} or dataset.root")
    return root
