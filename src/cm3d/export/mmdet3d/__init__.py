"""Annotation files of mmdet3d's nuScenes data set; docs/mmdet3d.md says how it trains on them."""

import json
from collections.abc import Collection, Iterator

from cm3d.export.classes import NUSCENES_CLASSES
from cm3d.export.keyframes import keyframes
from cm3d.export.mmdet3d.infos import annotation_file, keyframe_info
from cm3d.export.protocol import File, Labels
from cm3d.taxonomy import Taxonomy


def class_names(taxonomy: Taxonomy) -> Collection[str]:
    """The ten classes that mmdet3d numbers."""
    return NUSCENES_CLASSES


def files(labels: Labels) -> Iterator[File]:
    """One file, named by the split."""
    infos = (keyframe_info(*keyframe) for keyframe in keyframes(labels, "mmdet3d"))
    content = annotation_file(infos, labels.params.dataset.version)
    text = json.dumps(content, separators=(",", ":"), allow_nan=False)
    yield f"cm3d_infos_{labels.split}.json", text.encode()
