"""Pre-train a detector on the pseudo-labels of the unlabelled part.

Where every frame has labels, as for the bound that full supervision sets, nothing is learned.
"""

from pathlib import Path

from torch import Tensor

from cm3d.detectors.mmdet3d import weights_from_mmdet3d
from cm3d.execution.stage import run_stage
from cm3d.params import NO_FILE, Params, check_file, load_params
from cm3d.splits.labelled import is_unlabelled
from cm3d.tables import Boxes3D, layout
from cm3d.taxonomy import load_taxonomy
from cm3d.training.checkpoint import load_model
from cm3d.training.labels import pretrain_frames, read_labels
from stages.shared.training import keep_untrained, read_train_split, train_detector


def main() -> None:
    """Run the stage."""
    params, split = load_params(), read_train_split("pretrain")
    if not is_unlabelled(split.frames, params.labels, params.seed).any():
        print("note: pretrain: every train frame has labels; the model is left as it begins")
        keep_untrained("pretrain", params.pretrain, params, initial_weights(params))
        return
    frames = pretrain_frames(
        split.frames,
        split.sweeps,
        read_labels(Boxes3D, layout.PSEUDO_LABELS, split.scenes, load_taxonomy(params.taxonomy)),
        params.labels,
        params.seed,
        params.pretrain.min_label_score,
    )
    train_detector("pretrain", frames, params.pretrain, params, initial_weights(params))


def initial_weights(params: Params) -> dict[str, Tensor] | None:
    """Weights of `pretrain.init_checkpoint`; none where no file is named.

    It names a model folder of this project or a checkpoint file of mmdet3d.

    Raises:
        InputError: It is missing, unreadable, or of another detector.
    """
    if params.pretrain.init_checkpoint == NO_FILE:
        return None
    path, remedy = Path(params.pretrain.init_checkpoint), "correct pretrain.init_checkpoint"
    check_file(path, remedy, folders=True)
    taxonomy = load_taxonomy(params.taxonomy)
    if path.is_dir():
        again = f"fetch it again or {remedy}"
        return load_model(path, params.network, taxonomy, again).state_dict()
    return weights_from_mmdet3d(path, params.network.lidar_branch or params.network, taxonomy)


if __name__ == "__main__":
    run_stage(main, trains=True)
