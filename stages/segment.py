"""Outline each detection: images and boxes in, run-length encoded masks out."""

from functools import partial

from cm3d.datasets.root import dataset_root
from cm3d.execution.files import write_json
from cm3d.execution.scenes import write_scene_tables
from cm3d.execution.stage import run_stage
from cm3d.params import Params, load_params
from cm3d.segment.segment import build_segmenter, segment_scene
from cm3d.tables import Boxes2D, Cameras, Masks, layout


def main() -> None:
    """Run the stage."""
    params = load_params()
    outline = partial(segment_one, params=params)
    workers = params.execution.workers
    write_scene_tables("segment", layout.MASKS, outline, layout.all_scenes(), workers)
    write_json(layout.METRICS / "segment.json", score(params))


def segment_one(scene: str, params: Params) -> Masks:
    """Masks of one scene."""
    cameras = Cameras.read(layout.CAMERAS / f"{scene}.parquet")
    boxes = Boxes2D.read(layout.BOXES2D / f"{scene}.parquet")
    segmenter = build_segmenter(params.segment)
    return segment_scene(segmenter, cameras, boxes, dataset_root(params.dataset))


if __name__ == "__main__":
    run_stage(main)
