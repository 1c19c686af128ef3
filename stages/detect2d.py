"""Find objects in camera images: images in, labelled boxes in pixels out."""

from functools import partial

from cm3d.datasets.root import dataset_root
from cm3d.detect2d.detect import build_detector, detect_scene, load_precomputed
from cm3d.evaluation.boxes2d import score_boxes2d
from cm3d.execution.files import write_json
from cm3d.execution.scenes import write_noted_tables
from cm3d.execution.stage import run_stage
from cm3d.params import Params, load_params
from cm3d.tables import Boxes2D, Cameras, GroundTruth, layout, read_scenes
from cm3d.tables.noted import Noted, count_left_out


def main() -> None:
    """Run the stage."""
    params = load_params()
    if params.detect2d.backend == "precomputed":
        say_what_is_unused(params)
    detect, images = partial(detect_one, params=params), layout.images_per_scene()
    left_out = write_noted_tables(
        "detect2d",
        layout.BOXES2D,
        detect,
        images,
        params.execution,
        networks=params.detect2d.is_network,
    )
    scores = score(params.scoring.split) | count_left_out(left_out)
    write_json(layout.METRICS / "detect2d.json", scores)


def detect_one(scene: str, params: Params) -> Noted[Boxes2D]:
    """Detections of one scene."""
    root = dataset_root(params.dataset)
    detector = build_detector(params.detect2d, params.execution, params.seed, root)
    cameras = Cameras.read(layout.CAMERAS / f"{scene}.parquet")
    return detect_scene(detector, scene, cameras, params.detect2d)


def say_what_is_unused(params: Params) -> None:
    """Count the entries of a file of precomputed detections that lead to no box."""
    cameras = read_scenes(Cameras, layout.CAMERAS, layout.all_scenes())
    precomputed = load_precomputed(params.detect2d)
    unused = {
        "malformed": precomputed.malformed,
        "of unknown categories": precomputed.unknown_categories,
        "on unknown images": precomputed.unknown_images(cameras.camera_token),
    }
    for reason, count in unused.items():
        if count:
            print(f"note: {params.detect2d.precomputed_file}: {count} entries {reason}, left out")


def score(split: str) -> dict[str, float]:
    """2D average precision against projected ground truth."""
    frames = layout.split_frames(split)
    scenes = sorted(set(frames.scene_name))
    return score_boxes2d(
        read_scenes(Boxes2D, layout.BOXES2D, scenes),
        read_scenes(GroundTruth, layout.GROUND_TRUTH, scenes),
        read_scenes(Cameras, layout.CAMERAS, scenes),
    )


if __name__ == "__main__":
    run_stage(main)
