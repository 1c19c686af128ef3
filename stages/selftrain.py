"""A round of self-training: train from scratch on ground truth and on a model's own labels."""

import argparse

from cm3d.execution.stage import run_stage
from cm3d.params import load_params
from cm3d.splits.labelled import is_unlabelled
from cm3d.tables import Boxes3D, GroundTruth, layout, read_scenes
from cm3d.training.labels import finetune_frames, inference_frames, selftrain_frames
from stages.shared.training import read_train_split, train_detector


def main() -> None:
    """Run the stage."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--round", type=int, choices=(1, 2, 3), required=True)
    number = parser.parse_args().round
    params, stage = load_params(), f"selftrain_r{number}"
    split = read_train_split(stage)
    ground_truth = read_scenes(GroundTruth, layout.GROUND_TRUTH, split.scenes)
    unlabelled = split.frames[is_unlabelled(split.frames, params.labels, params.seed)]
    frames = selftrain_frames(
        finetune_frames(split.frames, split.sweeps, ground_truth, params.labels, params.seed),
        inference_frames(unlabelled, split.sweeps),
        read_scenes(Boxes3D, layout.relabelled(number), sorted(set(unlabelled.scene_name))),
        params.selftrain.min_label_score,
        params.selftrain.labelled_repeats,
    )
    train_detector(stage, frames, params.selftrain, params)


if __name__ == "__main__":
    run_stage(main)
