"""A round of self-training: train on ground truth and on what the model before relabelled."""

from torch import Tensor

from cm3d.execution.stage import run_stage
from cm3d.params import Params, load_params
from cm3d.splits.labelled import is_unlabelled
from cm3d.tables import Boxes3D, GroundTruth, layout
from cm3d.taxonomy import load_taxonomy
from cm3d.training.checkpoint import load_model
from cm3d.training.labels import (
    finetune_frames,
    inference_frames,
    read_labels,
    selftrain_frames,
)
from stages.shared.rounds import model_before, round_asked_for
from stages.shared.training import read_train_split, train_detector


def main() -> None:
    """Run the stage."""
    number = round_asked_for("selftrain", __doc__)
    params, stage = load_params(), f"selftrain_r{number}"
    split = read_train_split(stage)
    taxonomy = load_taxonomy(params.taxonomy)
    ground_truth = read_labels(GroundTruth, layout.GROUND_TRUTH, split.scenes, taxonomy)
    unlabelled = split.frames[is_unlabelled(split.frames, params.labels, params.seed)]
    scenes = sorted(set(unlabelled.scene_name))
    frames = selftrain_frames(
        finetune_frames(split.frames, split.sweeps, ground_truth, params.labels, params.seed),
        inference_frames(unlabelled, split.sweeps),
        read_labels(Boxes3D, layout.relabelled(number), scenes, taxonomy),
        params.selftrain,
    )
    train_detector(stage, frames, params.selftrain, params, initial_weights(params, number))


def initial_weights(params: Params, number: int) -> dict[str, Tensor] | None:
    """Weights of the model before round `number`; none where the round starts from random ones.

    Raises:
        InputError: They are missing, unreadable, or of another detector.
    """
    if params.selftrain.recipe == "paper" or params.selftrain.refine.start == "random":
        return None
    taxonomy, before = load_taxonomy(params.taxonomy), layout.MODELS / model_before(number)
    return load_model(before, params.network, taxonomy).state_dict()


if __name__ == "__main__":
    run_stage(main, has_arguments=True, trains=True)
