"""`python -m experiments.export_mmdet3d pretrain --out FOLDER`: labels for mmdet3d's trainer.

Writes `FOLDER/cm3d_infos_<part>.json` from the tables in the workspace: `pretrain` is the
unlabelled part with its pseudo-labels, `finetune` the labelled part and `val` the val split, both
with their ground truth. How mmdet3d trains on it: docs/mmdet3d.md.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from cm3d.errors import InputError
from cm3d.execution.progress import followed
from cm3d.execution.stage import run_stage
from cm3d.geometry.arrays import NDArrayFloat
from cm3d.geometry.se3 import SE3
from cm3d.params import Params, load_params
from cm3d.sensors.card import Sensors, open_sensors
from cm3d.sensors.lidar import read_sweep
from cm3d.splits.labelled import has_returns
from cm3d.tables import Boxes3D, Frames, GroundTruth, Sweeps, layout, read_scenes
from cm3d.taxonomy import load_taxonomy
from cm3d.training.frames import TrainingFrame
from cm3d.training.labels import finetune_frames, pretrain_frames, training_frames
from experiments.mmdet3d_infos import CLASSES, VALUES_PER_POINT, annotation_file, keyframe_info


def pretrain_part(frames: Frames, sweeps: Sweeps, params: Params) -> list[TrainingFrame]:
    """The unlabelled part with the pseudo-labels that pre-training takes."""
    labels = read_scenes(Boxes3D, layout.PSEUDO_LABELS, _scenes(frames))
    min_score = params.pretrain.min_label_score
    return pretrain_frames(frames, sweeps, labels, params.labels, params.seed, min_score)


def finetune_part(frames: Frames, sweeps: Sweeps, params: Params) -> list[TrainingFrame]:
    """The labelled part with its ground truth."""
    return finetune_frames(frames, sweeps, _ground_truth(frames), params.labels, params.seed)


def val_part(frames: Frames, sweeps: Sweeps, params: Params) -> list[TrainingFrame]:
    """The val split with its ground truth, without boxes that have no LiDAR or radar return."""
    truth = _ground_truth(frames)
    return training_frames(frames, sweeps, truth[has_returns(truth)])


PARTS: Final[dict[str, Callable[[Frames, Sweeps, Params], list[TrainingFrame]]]] = {
    "pretrain": pretrain_part,
    "finetune": finetune_part,
    "val": val_part,
}


def export(part: str, params: Params) -> dict[str, Any]:
    """The content of the annotation file of one of `PARTS`.

    Raises:
        InputError: A table or LiDAR file is missing, the part has no frame, or mmdet3d's nuScenes
            data set takes other classes or other LiDAR files.
    """
    if set(load_taxonomy(params.taxonomy).class_names) != set(CLASSES):
        raise InputError("taxonomy: mmdet3d's nuScenes data set has ten classes; use nuscenes")
    frames = layout.split_frames("val" if part == "val" else "train")
    sweeps = read_scenes(Sweeps, layout.SWEEPS, _scenes(frames))
    sweeps = sweeps[sweeps.sweep_index < params.detector.sweeps]
    chosen = PARTS[part](frames, sweeps, params)
    infos = _infos(frames, chosen, _sensors(params))
    return annotation_file(infos, params.dataset.version)


def _sensors(params: Params) -> Sensors:
    sensors = open_sensors(params.dataset)
    lidar = sensors.lidar
    if (lidar.file, lidar.dtype, len(lidar.columns)) != ("binary", "float32", VALUES_PER_POINT):
        raise InputError(
            f"{layout.CARD}: mmdet3d's nuScenes data set reads LiDAR files of {VALUES_PER_POINT} "
            "float32 a point; convert them and rerun `download`"
        )
    return sensors


def _infos(
    frames: Frames, chosen: list[TrainingFrame], sensors: Sensors
) -> Iterator[dict[str, Any]]:
    row_of = {token: row for row, token in enumerate(frames.sample_token)}
    for frame in followed(chosen, "export", len(chosen), "keyframe"):
        row = row_of[frame.sample_token]
        global_SE3_ego = SE3.from_pose(frames.global_SE3_ego[row])
        timestamp_us = int(frames.timestamp_us[row])
        yield keyframe_info(frame, timestamp_us, global_SE3_ego, _keyframe_points(sensors, frame))


def _keyframe_points(sensors: Sensors, frame: TrainingFrame) -> NDArrayFloat:
    """Points (P, 3) of the keyframe's own sweep in its LiDAR frame."""
    paths = frame.sweeps.path[frame.sweeps.sweep_index == 0]
    clouds = [read_sweep(sensors.root / path, sensors.lidar)[:, :3] for path in paths]
    return np.concatenate([np.empty((0, 3)), *clouds])


def _ground_truth(frames: Frames) -> GroundTruth:
    return read_scenes(GroundTruth, layout.GROUND_TRUTH, _scenes(frames))


def _scenes(frames: Frames) -> list[str]:
    return sorted(set(frames.scene_name))


def main() -> None:
    """Write the part named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    arguments = parser.parse_args()
    content = export(arguments.part, load_params())
    path = arguments.out / f"cm3d_infos_{arguments.part}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, separators=(",", ":"), allow_nan=False))
    boxes = sum(len(info["instances"]) for info in content["data_list"])
    print(f"{path}: {len(content['data_list'])} keyframes, {boxes} boxes")


if __name__ == "__main__":
    run_stage(main, has_arguments=True)
