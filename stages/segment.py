"""Outline each detection: images and boxes in, run-length encoded masks out."""

from functools import partial

import pyarrow.parquet as pq

from cm3d.execution.publication import publication
from cm3d.execution.scenes import write_noted_tables
from cm3d.execution.stage import run_stage
from cm3d.params import load_params
from cm3d.segment.common.protocol import Setting
from cm3d.segment.common.scene import build_segmenter, count_unused
from cm3d.sensors.card import open_sensors
from cm3d.shelf.results import say_unused
from cm3d.tables import Boxes2D, Cameras, Masks, layout
from cm3d.tables.classed import read_classed
from cm3d.tables.noted import Noted, count_left_out
from cm3d.taxonomy import load_taxonomy


def main() -> None:
    """Run the stage."""
    params = load_params()
    segment, execution = params.segment, params.execution
    root = open_sensors(params.dataset).root
    setting = Setting(segment, execution, load_taxonomy(params.taxonomy), root)
    unused = count_unused(setting)
    say_unused(f"segment.{segment.backend}", unused)
    outline, images = partial(segment_one, setting=setting), layout.images_per_scene()
    with publication("segment") as made:
        folder = made.folder(layout.MASKS)
        left_out = write_noted_tables(
            "segment", folder, outline, images, execution, networks=segment.is_network
        )
        masks = sum(pq.read_metadata(file).num_rows for file in folder.glob("*.parquet"))
        counts = {"images": sum(images.values()), "masks": masks}
        made.json(layout.METRICS / "segment.json", counts | count_left_out(left_out) | unused)


def segment_one(scene: str, setting: Setting) -> Noted[Masks]:
    """Masks of one scene."""
    cameras = Cameras.read(layout.CAMERAS / f"{scene}.parquet")
    boxes = read_classed(Boxes2D, layout.BOXES2D / f"{scene}.parquet", setting.taxonomy)
    return build_segmenter(setting).segment(cameras, boxes)


if __name__ == "__main__":
    run_stage(main)
