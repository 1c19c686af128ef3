"""Outline each detection: images and boxes in, run-length encoded masks out."""

from functools import partial

from cm3d.datasets.root import dataset_root
from cm3d.evaluation.masks2d import MaskMeasures, measure_masks, score_masks
from cm3d.execution.files import write_json
from cm3d.execution.scenes import map_scenes, write_noted_tables
from cm3d.execution.stage import run_stage
from cm3d.geometry.arrays import NDArrayFloat, NDArrayInt
from cm3d.geometry.se3 import SE3
from cm3d.params import Params, load_params
from cm3d.segment.segment import build_segmenter, segment_scene
from cm3d.sensors.instances import instance_image_path, read_instances
from cm3d.sensors.lidar import accumulate
from cm3d.tables import Boxes2D, Cameras, Masks, Sweeps, layout
from cm3d.tables.noted import Noted, count_left_out


def main() -> None:
    """Run the stage."""
    params = load_params()
    outline, images = partial(segment_one, params=params), layout.images_per_scene()
    left_out = write_noted_tables(
        "segment",
        layout.MASKS,
        outline,
        images,
        params.execution,
        networks=params.segment.is_network,
    )
    scored = sorted(set(layout.split_frames(params.scoring.split).scene_name))
    measures = map_scenes(partial(measure, params=params), scored, params.execution, "measure")
    scores = score_masks(measures.values()) | count_left_out(left_out)
    write_json(layout.METRICS / "segment.json", scores)


def segment_one(scene: str, params: Params) -> Noted[Masks]:
    """Masks of one scene."""
    cameras = Cameras.read(layout.CAMERAS / f"{scene}.parquet")
    boxes = Boxes2D.read(layout.BOXES2D / f"{scene}.parquet")
    segmenter = build_segmenter(params.segment, params.execution)
    root, max_width_px = dataset_root(params.dataset), params.segment.max_width_px
    return segment_scene(segmenter, cameras, boxes, root, max_width_px, params.execution)


def measure(scene: str, params: Params) -> MaskMeasures:
    """How full and how exact the masks of one scene are."""
    name, root = f"{scene}.parquet", dataset_root(params.dataset)
    sweeps = Sweeps.read(layout.SWEEPS / name)

    def keyframe_points(token: str) -> NDArrayFloat:
        rows = sweeps[sweeps.sample_token == token]
        return accumulate(root, rows, SE3.identity(), max_sweeps=1, ego_half_extent_m=0.0).xyz_m

    def instances(token: str) -> NDArrayInt:
        return read_instances(root / instance_image_path(token))

    return measure_masks(
        Masks.read(layout.MASKS / name),
        Boxes2D.read(layout.BOXES2D / name),
        Cameras.read(layout.CAMERAS / name),
        keyframe_points,
        instances if params.dataset.name == "sim" else None,
    )


if __name__ == "__main__":
    run_stage(main)
