"""Pre-train a detector on the pseudo-labels of the unlabelled part."""

from cm3d.execution.stage import run_stage
from cm3d.interop.initial import initial_weights
from cm3d.params import load_params
from cm3d.tables import Boxes3D, layout, read_scenes
from cm3d.training.labels import pretrain_frames
from stages.training import read_train_split, train_detector


def main() -> None:
    """Run the stage."""
    params = load_params()
    split = read_train_split()
    frames = pretrain_frames(
        split.frames,
        split.sweeps,
        read_scenes(Boxes3D, layout.PSEUDO_LABELS, split.scenes),
        params.labels,
        params.pretrain.min_label_score,
    )
    initial = initial_weights(params.pretrain.init_checkpoint, params.detector)
    train_detector("pretrain", frames, params.pretrain, params, initial)


if __name__ == "__main__":
    run_stage(main)
