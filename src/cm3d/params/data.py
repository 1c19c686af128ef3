"""Parameters of how work is spread, of the data set, its labels and its scoring."""

from typing import Annotated, Literal

from pydantic import Field

from cm3d.params.fields import Count, Name, NonNegative, Positive, Section, Share


class Execution(Section):
    """How work is spread over the machine."""

    engine: Literal["serial", "processes", "ray"]
    workers: Count
    device: Literal["auto", "cpu", "cuda"]
    gpus_per_worker: NonNegative
    readers: Annotated[int, Field(ge=0)]
    image_batch: Count
    box_batch: Count
    trainers: Count | Literal["auto"]
    loaders: Annotated[int, Field(ge=0)]
    cached_clouds_gb: NonNegative
    frame_batch: Count
    checkpoint_s: NonNegative
    max_unreadable: Share


class Dataset(Section):
    """Which data set, and what the index takes from it."""

    name: Name
    root: str | None
    version: Name
    fetch: bool
    past_sweeps: Annotated[int, Field(ge=0)]
    lane_step_m: Positive


class Simulation(Section):
    """Scale and sensors of the embedded data set."""

    train_scenes: Count
    val_scenes: Count
    keyframes_per_scene: Annotated[int, Field(ge=2)]
    image_scale: Annotated[float, Field(gt=0, le=1)]
    lidar_beams: Literal[32, 64]
    lidar_range_noise_m: NonNegative
    lidar_dropout: Share
    lidar_body_recess_m: NonNegative
    lidar_glass_transmission: Share
    lidar_cabin_path_m: Positive
    lidar_mixed_share: Share
    lidar_smear: bool
    camera_mounting_error_deg: NonNegative
    camera_mounting_error_m: NonNegative
    ego_pose_error_deg: NonNegative
    ego_pose_error_m: NonNegative
    traffic_density: NonNegative


class Labels(Section):
    """The labelled part of the train split."""

    fraction: Share
    draw: Annotated[int, Field(ge=0, le=1000)]
    sampling: Literal["uniform", "consecutive"]
    frames_file: str | None


class Scoring(Section):
    """Where scores are measured."""

    split: Literal["train", "val"]


class Evaluate(Section):
    """What computes the final scores."""

    engine: Literal["fast", "devkit"]
