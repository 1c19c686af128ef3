"""Fuse lifted boxes with SAM3D's: pseudo-labels, the product of the label stages."""

from functools import partial

from cm3d.execution.scenes import write_scene_tables
from cm3d.execution.stage import run_stage
from cm3d.fuse.frame import fuse_frame
from cm3d.params import Params, load_params
from cm3d.tables import Boxes3D, Frames, layout
from stages.scores import write_label_scores


def main() -> None:
    """Run the stage."""
    params = load_params()
    fuse = partial(fuse_scene, params=params)
    workers = params.execution.workers
    write_scene_tables("fuse", layout.PSEUDO_LABELS, fuse, layout.all_scenes(), workers)
    write_label_scores("fuse", layout.PSEUDO_LABELS, params.scoring.split)


def fuse_scene(scene: str, params: Params) -> Boxes3D:
    """Pseudo-labels of one scene, keyframe by keyframe."""
    name = f"{scene}.parquet"
    lifted, proposals = Boxes3D.read(layout.LIFTED / name), Boxes3D.read(layout.SAM3D / name)
    return Boxes3D.concatenate(
        fuse_frame(
            lifted[lifted.sample_token == token],
            proposals[proposals.sample_token == token],
            params.fuse,
        )
        for token in Frames.read(layout.FRAMES / name).sample_token
    )


if __name__ == "__main__":
    run_stage(main)
