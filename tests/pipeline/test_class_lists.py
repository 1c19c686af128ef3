"""Other class lists, by one override each, from `detect2d` to `evaluate`."""

import json

import pytest

from cm3d.tables import Boxes3D
from cm3d.taxonomy import load_taxonomy
from trust.clone import Clone

LABELS = ("download", "detect2d", "segment", "lift", "sam3d", "fuse")


@pytest.mark.parametrize("name", ["nuscenes18", "waymo"])
def test_another_class_list_runs_through(copy: Clone, name: str) -> None:
    taxonomy = load_taxonomy(name)
    copy.override({"taxonomy": name})
    for stage in LABELS:
        copy.stage(stage)
    found = {
        class_name
        for path in (copy.root / "data/pseudo_labels").glob("*.parquet")
        for class_name in Boxes3D.read(path).class_name
    }
    assert found
    assert found <= set(taxonomy.class_names)
    copy.stage("pretrain")
    if name == "waymo":
        assert {"vehicle", "pedestrian"} <= found
        copy.stage("predict", "pretrain")
        for scorer, key, folder in (
            ("boxes2d", "boxes2d", "data/boxes2d"),
            ("nuscenes", "pretrain", "data/predictions/pretrain"),
        ):
            copy.stage("evaluate", scorer, key, folder, "--frames", "scoring")
    folder = "data/pseudo_labels"
    copy.stage("evaluate", "nuscenes", "pseudo_labels", folder, "--frames", "scoring")
    classes = json.loads((copy.root / "metrics/evaluate_classes/pseudo_labels.json").read_text())
    assert list(classes) == list(taxonomy.class_names)
    scores = json.loads((copy.root / "metrics/evaluate/pseudo_labels.json").read_text())
    assert scores["mAP"] > 0
    detector = json.loads((copy.root / "data/models/pretrain/detector.json").read_text())
    assert "traffic_cone" in str(detector) if name == "nuscenes18" else "cyclist" in str(detector)
