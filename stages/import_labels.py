"""Take over 3D boxes that another program made, if a file is named; else there are none."""

from pathlib import Path

import numpy as np

from cm3d.execution.publication import publication
from cm3d.execution.stage import run_stage
from cm3d.fuse.imported import read_labels
from cm3d.params import load_params
from cm3d.shelf.results import say_unused
from cm3d.tables import Boxes3D, Frames, layout, read_scenes
from cm3d.tables.words import rows_by_word
from cm3d.taxonomy import load_taxonomy


def main() -> None:
    """Run the stage."""
    params, scenes = load_params(), layout.all_scenes()
    frames = read_scenes(Frames, layout.FRAMES, scenes)
    boxes = Boxes3D.empty()
    if params.import_labels.are_named:
        taxonomy = load_taxonomy(params.taxonomy)
        found = read_labels(Path(params.import_labels.file), frames, taxonomy)
        say_unused("import_labels.file", found.unused)
        boxes = found.rows
    scene_of = dict(zip(frames.sample_token, frames.scene_name, strict=True))
    scene_name = np.array([scene_of[token] for token in boxes.sample_token], dtype=object)
    with publication("import") as made:
        folder = made.empty_folder(layout.IMPORTED)
        for scene, rows in zip(scenes, rows_by_word(scene_name, scenes), strict=True):
            boxes[rows].write(folder / f"{scene}.parquet")


if __name__ == "__main__":
    run_stage(main)
