"""A round of self-training: relabel the unlabelled part, train from scratch on both parts."""

import argparse

from cm3d.execution.scenes import write_scene_tables
from cm3d.execution.stage import run_stage
from cm3d.params import Params, load_params
from cm3d.tables import Boxes3D, Frames, GroundTruth, layout, read_scenes
from cm3d.training.checkpoint import load_model
from cm3d.training.labels import (
    finetune_frames,
    inference_frames,
    is_unlabelled,
    selftrain_frames,
)
from stages.training import TrainSplit, detect, read_train_split, train_detector


def main() -> None:
    """Run the stage."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--round", type=int, choices=(1, 2, 3), required=True)
    number = parser.parse_args().round
    params, split = load_params(), read_train_split()
    relabel(number, split, params)

    ground_truth = read_scenes(GroundTruth, layout.GROUND_TRUTH, split.scenes)
    frames = selftrain_frames(
        finetune_frames(split.frames, split.sweeps, ground_truth, params.labels),
        inference_frames(unlabelled(split, params), split.sweeps),
        read_scenes(Boxes3D, layout.relabelled(number), split.scenes),
        params.selftrain.min_label_score,
        params.selftrain.labelled_repeats,
    )
    train_detector(f"selftrain_r{number}", frames, params.selftrain, params)


def unlabelled(split: TrainSplit, params: Params) -> Frames:
    """Train keyframes whose ground truth may not be seen."""
    return split.frames[is_unlabelled(split.frames, params.labels)]


def relabel(number: int, split: TrainSplit, params: Params) -> None:
    """Write what the model of the round before sees in the unlabelled part."""
    before = "finetune" if number == 1 else f"selftrain_r{number - 1}"
    model = load_model(layout.MODELS / before, params.detector)
    frames = unlabelled(split, params)

    def boxes_of(scene: str) -> Boxes3D:
        rows = inference_frames(frames[frames.scene_name == scene], split.sweeps)
        return detect(model, rows, params, f"relabel {scene}")

    # the model already uses every core, or the GPU
    execution = params.execution.model_copy(update={"engine": "serial"})
    write_scene_tables(
        f"selftrain_r{number}", layout.relabelled(number), boxes_of, split.scenes, execution
    )


if __name__ == "__main__":
    run_stage(main)
