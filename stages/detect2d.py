"""Find objects in camera images: images in, labelled boxes in pixels out."""

from functools import partial

import pyarrow.parquet as pq

from cm3d.detect2d.common.protocol import Setting
from cm3d.detect2d.common.scene import build_detector, count_unused, detect_scene
from cm3d.execution.publication import publication
from cm3d.execution.scenes import write_noted_tables
from cm3d.execution.stage import run_stage
from cm3d.params import load_params
from cm3d.sensors.card import open_sensors
from cm3d.shelf.results import say_unused
from cm3d.tables import Boxes2D, Cameras, layout
from cm3d.tables.noted import Noted, count_left_out
from cm3d.taxonomy import load_taxonomy


def main() -> None:
    """Run the stage."""
    params = load_params()
    detect2d, execution = params.detect2d, params.execution
    root = open_sensors(params.dataset).root
    setting = Setting(detect2d, execution, load_taxonomy(params.taxonomy), root)
    unused = count_unused(setting)
    say_unused(f"detect2d.{detect2d.backend}", unused)
    detect, images = partial(detect_one, setting=setting), layout.images_per_scene()
    with publication("detect2d") as made:
        folder = made.folder(layout.BOXES2D)
        left_out = write_noted_tables(
            "detect2d",
            folder,
            detect,
            images,
            execution,
            networks=detect2d.is_network,
            splits=layout.split_per_scene(),
        )
        detections = sum(pq.read_metadata(file).num_rows for file in folder.glob("*.parquet"))
        counts = {"images": sum(images.values()), "detections": detections}
        made.json(layout.METRICS / "detect2d.json", counts | count_left_out(left_out) | unused)


def detect_one(scene: str, setting: Setting) -> Noted[Boxes2D]:
    """Detections of one scene."""
    cameras = Cameras.read(layout.CAMERAS / f"{scene}.parquet")
    return detect_scene(build_detector(setting), scene, cameras, setting)


if __name__ == "__main__":
    run_stage(main)
