"""Fine-tune on the ground truth of the labelled part, or train on it from scratch."""

from cm3d.execution.stage import run_stage
from cm3d.params import load_params
from cm3d.tables import GroundTruth, layout
from cm3d.taxonomy import load_taxonomy
from cm3d.training.checkpoint import load_model
from cm3d.training.labels import finetune_frames, read_labels
from stages.shared.training import read_train_split, train_detector


def main() -> None:
    """Run the stage."""
    params, split = load_params(), read_train_split("finetune")
    taxonomy = load_taxonomy(params.taxonomy)
    ground_truth = read_labels(GroundTruth, layout.GROUND_TRUTH, split.scenes, taxonomy)
    frames = finetune_frames(split.frames, split.sweeps, ground_truth, params.labels, params.seed)
    initial = None
    if params.finetune.init == "pretrain":
        model = load_model(layout.MODELS / "pretrain", params.network, taxonomy)
        initial = model.state_dict()
    used = {"labelled_frames.json": sorted(frame.sample_token for frame in frames)}
    train_detector("finetune", frames, params.finetune, params, initial, used)


if __name__ == "__main__":
    run_stage(main, trains=True)
