"""What the training stages share: the train split, one run, what it leaves behind."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from cm3d.datasets.root import dataset_root
from cm3d.execution.device import choose_device
from cm3d.execution.files import write_csv, write_json
from cm3d.execution.resume import resumable_folder, work_folder
from cm3d.params import Params, Schedule
from cm3d.tables import Frames, Sweeps, layout, read_scenes
from cm3d.training.checkpoint import save_model
from cm3d.training.frames import TrainingFrame
from cm3d.training.label_check import check_labels
from cm3d.training.loop import train
from cm3d.training.resampling import class_balanced


@dataclass(frozen=True, eq=False)
class TrainSplit:
    """The keyframes of the train split and their LiDAR files."""

    frames: Frames
    sweeps: Sweeps

    @property
    def scenes(self) -> list[str]:
        """Names of the scenes."""
        return sorted(set(self.frames.scene_name))


def read_train_split() -> TrainSplit:
    """Read the train split from the index."""
    frames = layout.split_frames("train")
    scenes = sorted(set(frames.scene_name))
    return TrainSplit(frames, read_scenes(Sweeps, layout.SWEEPS, scenes))


def train_detector(
    stage: str,
    frames: list[TrainingFrame],
    schedule: Schedule,
    params: Params,
    initial: dict[str, Tensor] | None = None,
    beside_model: Mapping[str, Any] | None = None,
) -> None:
    """Say what will not be learned; train; write the model, the loss curve and the last losses.

    Args:
        stage: Name in dvc.yaml.
        frames: What to learn from.
        schedule: The stage's section of `params`.
        params: All parameters.
        initial: Weights to start from; None starts from random ones.
        beside_model: Further JSON files of the model's folder, content by name.

    Raises:
        InputError: The labels have nothing for this detector, or the training fails.
    """
    for line in check_labels(stage, frames, params.detector):
        print(line)
    trained = train(
        resampled(frames, schedule, params),
        root=dataset_root(params.dataset),
        detector=params.detector,
        schedule=schedule,
        seed=params.seed,
        device=choose_device(params.execution.device),
        initial=initial,
        resume_folder=work_folder(stage) / "training",
        description=stage,
    )
    with resumable_folder(stage, layout.MODELS / stage) as folder:
        save_model(folder, trained.model, params.detector)
        for name, content in (beside_model or {}).items():
            write_json(folder / name, content)
    write_csv(layout.PLOTS / f"{stage}.csv", trained.history)
    boxes = sum(len(frame.boxes) for frame in frames)
    last_epoch = [row for row in trained.history if row["epoch"] == trained.history[-1]["epoch"]]
    loss = sum(row["loss"] for row in last_epoch) / len(last_epoch)
    metrics = {"frames": len(frames), "boxes": boxes, "last_epoch_loss": loss}
    write_json(layout.METRICS / f"{stage}.json", metrics)


def resampled(
    frames: list[TrainingFrame], schedule: Schedule, params: Params
) -> list[TrainingFrame]:
    """What an epoch sees: every frame once, or each class's frames equally often."""
    if not schedule.class_balanced:
        return frames
    rng = np.random.default_rng([params.seed, zlib.crc32(b"class_balanced")])
    return class_balanced(frames, params.detector.class_names, rng)
