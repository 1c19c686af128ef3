"""The real keyframe through the same stages, by the preset that the README names."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from cm3d.tables import Boxes2D, Boxes3D, Masks
from tests.pipeline.clone import Clone, clean_environment, copy_tree

pytestmark = pytest.mark.real

SCENE = "scene-0061.parquet"


@pytest.fixture(scope="module")
def keyframe(project: Path, real_keyframe: Path, tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone with the keyframe preset, reproduced up to the pseudo-labels."""
    root = tmp_path_factory.mktemp("keyframe")
    copy_tree(project, root)
    environment = clean_environment(tmp_path_factory.mktemp("home"))
    clone = Clone(root, {**environment, "NUSCENES_ROOT": str(real_keyframe.resolve())})
    for step in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "keyframe"]):
        clone.run("git", *step)
    preset = clone.run(
        sys.executable, "-m", "experiments.preset", "keyframe", PYTHONPATH="src"
    ).stdout.split()
    detections = real_keyframe.resolve() / "detections2d.coco.json"
    file = f"detect2d.precomputed_file={detections}"
    (root / "log").write_text(clone.dvc("exp", "run", *preset, "-S", file, "fuse"))
    return clone


def test_detections_are_those_of_the_file(keyframe: Clone) -> None:
    assert len(Boxes2D.read(keyframe.root / "data/boxes2d" / SCENE)) == 128
    assert len(Masks.read(keyframe.root / "data/masks" / SCENE)) == 128


@pytest.mark.parametrize("folder", ["lifted", "sam3d", "pseudo_labels"])
def test_boxes_are_finite_and_of_a_plausible_number(keyframe: Clone, folder: str) -> None:
    boxes = Boxes3D.read(keyframe.root / "data" / folder / SCENE)
    assert 20 <= len(boxes) <= 300
    for column in ("center_m", "length_m", "width_m", "height_m", "yaw_rad", "score"):
        assert np.isfinite(getattr(boxes, column)).all(), column
    # 68 boxes were drawn by humans, within about 100 m of the car
    ego_xy_m = np.median(boxes.center_m[:, :2], axis=0)
    assert np.linalg.norm(boxes.center_m[:, :2] - ego_xy_m, axis=1).max() < 150


def test_scores_are_of_the_order_of_the_anchor(keyframe: Clone) -> None:
    # the paper's released script reaches 0.123 mAP and 0.531 car AP on this frame with its masks
    scores = json.loads((keyframe.root / "metrics/lift.json").read_text())
    classes = json.loads((keyframe.root / "metrics/lift_classes.json").read_text())
    assert 0.09 < scores["mAP"] < 0.3
    assert classes["car"]["AP"] > 0.4
    assert classes["car"]["ATE"] < 1.05
    assert json.loads((keyframe.root / "metrics/fuse.json").read_text())["mAP"] > 0.09


def test_raw_holds_a_manifest_and_no_copy(keyframe: Clone) -> None:
    (manifest,) = (keyframe.root / "data/raw").iterdir()
    assert "v1.0-mini" in manifest.read_text()
    assert manifest.stat().st_size < 10_000
