"""Detect with one model in the scored split: tables, and the same boxes as a nuScenes result."""

from cm3d.execution.arguments import Arguments, member_of
from cm3d.execution.files import write_whole
from cm3d.execution.publication import publication
from cm3d.execution.stage import run_stage
from cm3d.params import load_params
from cm3d.tables import Boxes3D, layout, read_scenes
from cm3d.tables.result_files import encode, submission
from stages.shared.detection import write_detections


def main() -> None:
    """Run the stage."""
    parser = Arguments("stages.predict", __doc__)
    parser.add_argument("model", help="name of a folder in data/models")
    name = member_of("predict", parser.parse_args().model)
    params, stage = load_params(), f"predict@{name}"
    frames = layout.split_frames(params.scoring.split)
    with publication(stage) as made:
        folder = made.folder(layout.PREDICTIONS / name)
        write_detections(stage, name, frames, folder, params)
        boxes = read_scenes(Boxes3D, folder, sorted(set(frames.scene_name)))
        content = submission(boxes, frames, use_camera=False, use_lidar=True, use_map=False)
        write_whole(folder / "nuscenes.json", encode(content))


if __name__ == "__main__":
    run_stage(main, has_arguments=True)
