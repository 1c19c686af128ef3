"""Detect with one model in the scored split: tables, and the same boxes as a nuScenes result."""

import argparse

from cm3d.execution.stage import run_stage
from cm3d.params import load_params
from cm3d.tables import Boxes3D, layout, read_scenes
from cm3d.tables.result_files import encode, submission
from stages.shared.detection import write_detections


def main() -> None:
    """Run the stage."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", help="name of a folder in data/models")
    name = parser.parse_args().model
    params, out = load_params(), layout.PREDICTIONS / name
    frames = layout.split_frames(params.scoring.split)
    write_detections(f"predict@{name}", name, frames, out, params)
    boxes = read_scenes(Boxes3D, out, sorted(set(frames.scene_name)))
    content = submission(boxes, frames, use_camera=False, use_lidar=True, use_map=False)
    (out / "nuscenes.json").write_bytes(encode(content))


if __name__ == "__main__":
    run_stage(main)
