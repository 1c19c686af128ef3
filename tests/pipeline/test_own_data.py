"""A data set of a user's own, from files to pseudo-labels, with the code of docs/own_data.md."""

import json
from pathlib import Path

import numpy as np
import pytest

from cm3d.tables import Boxes3D
from tests.own_data import example, write_detections, write_own_data
from trust.clone import Clone, clean_environment, copy_tree

STAGES = ("download", "detect2d", "segment", "lift", "sam3d", "import_labels", "fuse")


@pytest.fixture(scope="module")
def labelled(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A copy of the project after all label stages on the user's data."""
    root, data = tmp_path_factory.mktemp("own"), tmp_path_factory.mktemp("data") / "mine"
    copy_tree(project, root)
    write_own_data(data)
    write_detections(root / "detections.json")
    package = root / "src/cm3d/datasets/mine"
    package.mkdir()
    (package / "__init__.py").write_text(example())
    environment = clean_environment(tmp_path_factory.mktemp("home"))
    clone = Clone(root, {**environment, "MINE_ROOT": str(data)})
    clone.override(
        {
            "dataset.name": "mine",
            "dataset.version": "v1",
            "dataset.past_sweeps": 2,
            "detect2d.precomputed.file": "detections.json",
            "detect2d.backend": "precomputed",
            "segment.backend": "box",
            "lift.sweeps": 1,
            "execution.engine": "serial",
        }
    )
    for stage in STAGES:
        clone.stage(stage)
    return clone


def test_the_example_is_short() -> None:
    lines = example().splitlines()
    assert len(lines) <= 60
    assert max(map(len, lines)) <= 100


def test_the_car_is_found_where_it_stands(labelled: Clone) -> None:
    for drive in ("drive_1", "drive_2"):
        boxes = Boxes3D.read(labelled.root / f"data/pseudo_labels/{drive}.parquet")
        assert boxes.class_name.tolist() == ["car"] * 3
        # 12 m ahead of the start, its rear at 10 m; sizes are the class's
        np.testing.assert_allclose(boxes.center_m[:, :2], [[0, 12]] * 3, atol=0.6)
        assert ((boxes.length_m > 3.5) & (boxes.length_m < 5.5)).all()


def test_it_is_scored_against_its_own_boxes(labelled: Clone) -> None:
    arguments = ("nuscenes", "pseudo_labels", "data/pseudo_labels", "--frames", "scoring")
    labelled.stage("evaluate", *arguments)
    scores = json.loads((labelled.root / "metrics/evaluate_classes/pseudo_labels.json").read_text())
    assert scores["car"]["AP"] > 0.5
