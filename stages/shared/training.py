"""What the training stages share: the train split, one run, what it leaves behind."""

import shutil
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from torch import Tensor

from cm3d.detectors.protocol import Needs
from cm3d.detectors.registry import trainings
from cm3d.errors import InputError, writing
from cm3d.execution.files import write_json
from cm3d.execution.processes import leads
from cm3d.execution.publication import publication
from cm3d.execution.resume import work_folder
from cm3d.execution.together import count_trainers, train_together
from cm3d.geometry.ground_map import GroundMap
from cm3d.params import Params, Schedule
from cm3d.sensors.card import open_sensors
from cm3d.tables import Cameras, Frames, Sweeps, layout, read_scenes
from cm3d.taxonomy import load_taxonomy
from cm3d.training.checkpoint import save_model
from cm3d.training.course import notes, summarise
from cm3d.training.frames import TrainingFrame, with_cameras
from cm3d.training.images import check_images, rig_of
from cm3d.training.job import MODEL, TrainingJob
from cm3d.training.labels import check_labels, class_balanced
from cm3d.training.recipe import Recipe

# A plot page holds every row; a training on nuScenes has more than 100,000 steps.
_PLOTTED_ROWS: Final = 2000


@dataclass(frozen=True, eq=False)
class TrainSplit:
    """The keyframes of the train split and their LiDAR files."""

    frames: Frames
    sweeps: Sweeps

    @property
    def scenes(self) -> list[str]:
        """Names of the scenes."""
        return sorted(set(self.frames.scene_name))


def read_train_split(stage: str) -> TrainSplit:
    """Read the train split from the index.

    Raises:
        InputError: The stage has nothing to learn from: there is no train keyframe.
    """
    frames = layout.split_frames("train", wanted_by=stage)
    scenes = sorted(set(frames.scene_name))
    return TrainSplit(frames, read_scenes(Sweeps, layout.SWEEPS, scenes))


def train_detector(
    stage: str,
    frames: list[TrainingFrame],
    schedule: Schedule,
    params: Params,
    initial: dict[str, Tensor] | None = None,
    beside_model: Mapping[str, Any] | None = None,
    ground_maps: Mapping[str, GroundMap] | None = None,
) -> None:
    """Say what will not be learned; train; write the model, the loss curve and the last losses.

    Args:
        stage: Name in dvc.yaml.
        frames: What to learn from.
        schedule: The stage's section of `params`.
        params: All parameters.
        initial: Weights to start from; None starts from random ones.
        beside_model: Further JSON files of the model's folder, content by name.
        ground_maps: Of the frames' locations; then these are learned instead of boxes.

    Raises:
        InputError: The labels have nothing for this detector, or the training fails.
    """
    trainers = count_trainers(params.execution.trainers, params.execution.device)
    jobs: list[TrainingJob] = []
    whole = params.network if ground_maps is None else params.network.for_maps()
    taxonomy, seed = load_taxonomy(params.taxonomy), seed_of(params, stage)
    for network, of_network in trainings(whole, stage, schedule, initial):
        recipe = Recipe(network, taxonomy, of_network, params.training, seed)
        model = recipe.build()
        if not jobs and ground_maps is None:
            shortcomings = check_labels(stage, frames, model.needs)
            for line in shortcomings if leads() else ():
                print(line)
        # what the last training lacks is said before the first begins; its weights stand for those
        # that the first will leave
        model.begin(initial if not jobs else model.state_dict())
        job = training_job(
            stage, len(jobs), frames, recipe, model.needs, params, initial, ground_maps
        )
        jobs.append(job)
    for number, job in enumerate(jobs):
        if number:
            jobs[number] = job = replace(job, initial=jobs[number - 1].trained_weights())
        if not job.is_done:
            train_together(job, trainers, params.execution.device)
    if leads():
        keep(stage, jobs, beside_model or {})


def training_job(
    stage: str,
    number: int,
    frames: list[TrainingFrame],
    recipe: Recipe,
    needs: Needs,
    params: Params,
    initial: dict[str, Tensor] | None,
    ground_maps: Mapping[str, GroundMap] | None,
) -> TrainingJob:
    """The stage's training of this number, from 0; other arguments as of `train_detector`.

    Raises:
        InputError: The detector sees cameras, and no keyframe has an image, or too many are not
            there.
    """
    if needs.cameras is not None:
        cameras = read_scenes(Cameras, layout.CAMERAS, read_train_split(stage).scenes)
        frames = with_cameras(frames, cameras)
        if not rig_of(frames):
            raise InputError(
                f"{layout.CAMERAS}: no keyframe that {stage} learns from has an image; use a data "
                "set with images, or set bevfusion.modality: lidar and detector.images: none"
            )
        tokens, root = {frame.sample_token for frame in frames}, open_sensors(params.dataset).root
        check_images(stage, cameras, tokens, root, params.execution.max_unreadable)
    return TrainingJob(
        title=f"{stage}, all sensors" if recipe.detector.lidar_branch else stage,
        frames=resampled(frames, recipe.schedule, needs.class_names, recipe.seed),
        recipe=recipe,
        sensors=open_sensors(params.dataset),
        folder=work_folder(stage) / ("training" if not number else "fusion"),
        copy_paste=params.copy_paste,
        initial=initial,
        loaders=params.execution.loaders,
        cached_clouds_gb=params.execution.cached_clouds_gb,
        checkpoint_s=params.execution.checkpoint_s,
        ground_maps=ground_maps,
        max_unreadable=params.execution.max_unreadable,
    )


def keep_untrained(
    stage: str, schedule: Schedule, params: Params, initial: dict[str, Tensor] | None = None
) -> None:
    """Write the model that a training would have begun with, and figures of no step.

    Arguments as of `train_detector`.
    """
    taxonomy = load_taxonomy(params.taxonomy)
    network, _ = trainings(params.network, stage, schedule, initial)[0]
    model = Recipe(network, taxonomy, schedule, params.training, seed_of(params, stage)).build()
    model.begin(initial)
    if not leads():
        return
    if model.needs.cameras is not None:
        cameras = read_scenes(Cameras, layout.CAMERAS, read_train_split(stage).scenes)
        model.rig = tuple(sorted(set(cameras.channel)))
    with publication(stage) as made:
        made.csv(layout.PLOTS / f"{stage}.csv", [])
        made.json(layout.METRICS / f"{stage}.json", counts([]))
        folder = made.empty_folder(layout.MODELS / stage)
        save_model(folder, model, network, taxonomy)


def keep(stage: str, jobs: Sequence[TrainingJob], beside_model: Mapping[str, Any]) -> None:
    """Make what trainings left into the outputs, the loss curve and the metrics of their stage.

    Curves follow each other; model and figures are the last one's.
    """
    curve = one_after_the_other([job.history for job in jobs])
    job = jobs[-1]
    history = job.history
    last_epoch = [row["loss"] for row in history if row["epoch"] == history[-1]["epoch"]]
    metrics = counts(job.frames) | {"last_epoch_loss": sum(last_epoch) / len(last_epoch)}
    gradient_clip = job.recipe.schedule.gradient_clip
    course = summarise(history, gradient_clip)
    for note in notes(job.title, course, gradient_clip):
        print(note)
    with publication(stage) as made:
        made.csv(layout.PLOTS / f"{stage}.csv", thinned(curve, _PLOTTED_ROWS))
        made.json(layout.METRICS / f"{stage}.json", metrics | course.metrics)
        folder = made.empty_folder(layout.MODELS / stage)
        with writing(folder):
            shutil.copytree(job.folder / MODEL, folder, dirs_exist_ok=True)
        for name, content in beside_model.items():
            write_json(folder / name, content)


def one_after_the_other(histories: Sequence[list[dict[str, float]]]) -> list[dict[str, float]]:
    """Rows of several trainings as those of one, steps and epochs counted on."""
    rows: list[dict[str, float]] = []
    for history in histories:
        done = {name: rows[-1][name] + 1 if rows else 0 for name in ("epoch", "step")}
        rows += [row | {name: row[name] + count for name, count in done.items()} for row in history]
    return rows


def counts(frames: Sequence[TrainingFrame]) -> dict[str, float]:
    """Frames of an epoch, the boxes learned in them, and those that are ignored there."""
    weights = [frame.boxes.score for frame in frames]
    learned = sum(int((weight > 0).sum()) for weight in weights)
    ignored = sum(map(len, weights)) - learned
    return {"frames": len(frames), "boxes": learned, "ignored_boxes": ignored}


def thinned(history: Sequence[Mapping[str, float]], rows: int) -> list[dict[str, float]]:
    """At most so many rows, each the mean of neighbours; `epoch` and `step` are the last one's.

    Args:
        history: One row per step, all with the same columns, `epoch` and `step` among them.
        rows: At least 1.
    """
    if len(history) <= rows:
        return [dict(row) for row in history]
    groups = np.array_split(np.arange(len(history)), rows)
    return [
        {name: float(np.mean([history[index][name] for index in group])) for name in history[0]}
        | {name: history[group[-1]][name] for name in ("epoch", "step")}
        for group in groups
    ]


def resampled(
    frames: list[TrainingFrame], schedule: Schedule, class_names: Sequence[str], seed: int
) -> list[TrainingFrame]:
    """What an epoch sees: every frame once, or each class's frames equally often."""
    if not schedule.class_balanced:
        return frames
    rng = np.random.default_rng([seed, zlib.crc32(b"class_balanced")])
    return class_balanced(frames, class_names, rng)


def seed_of(params: Params, stage: str) -> int:
    """Of all randomness in a training: another for each stage and draw of the labelled part.

    So each round of self-training has new first weights, order and augmentation (appendix B).
    """
    return zlib.crc32(f"{params.seed} {params.labels.draw} {stage}".encode())
