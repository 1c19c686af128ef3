"""nuScenes' result file of the detection task."""

from collections.abc import Collection, Iterator

from cm3d.export.classes import NUSCENES_CLASSES
from cm3d.export.protocol import File, Labels
from cm3d.tables.result_files import encode, submission
from cm3d.taxonomy import Taxonomy


def class_names(taxonomy: Taxonomy) -> Collection[str]:
    """The ten classes of the task."""
    return NUSCENES_CLASSES


def files(labels: Labels) -> Iterator[File]:
    """One file, with the best 500 boxes of each keyframe."""
    uses = {f"use_{name}": name in labels.made_from for name in ("camera", "lidar", "map")}
    yield "results_nusc.json", encode(submission(labels.boxes, labels.frames, **uses))
