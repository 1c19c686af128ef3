"""Say what the ground is around the keyframes of the scored split."""

from collections import Counter

from cm3d.execution.publication import publication
from cm3d.execution.scenes import write_noted_tables
from cm3d.execution.stage import run_stage
from cm3d.params import load_params
from cm3d.tables import layout
from stages.shared.detection import SegmentGround

STAGE = "predict_map"


def main() -> None:
    """Run the stage."""
    params = load_params()
    frames = layout.split_frames(params.scoring.split)
    sizes = dict(sorted(Counter(frames.scene_name.tolist()).items()))
    segment = SegmentGround("finetune_map", frames, params)
    with publication(STAGE) as made:
        folder = made.folder(layout.MAP_PREDICTIONS)
        write_noted_tables(
            STAGE, folder, segment, sizes, params.execution, networks=True, unit="keyframe"
        )


if __name__ == "__main__":
    run_stage(main)
