"""Say what the ground is around the keyframes of the scored split."""

from cm3d.execution.publication import publication
from cm3d.execution.stage import run_stage
from cm3d.params import load_params
from cm3d.tables import layout
from stages.shared.detection import write_masks

STAGE = "predict_map"


def main() -> None:
    """Run the stage."""
    params = load_params()
    frames = layout.split_frames(params.scoring.split)
    with publication(STAGE) as made:
        folder = made.folder(layout.MAP_PREDICTIONS)
        write_masks(STAGE, "finetune_map", frames, folder, params)


if __name__ == "__main__":
    run_stage(main)
