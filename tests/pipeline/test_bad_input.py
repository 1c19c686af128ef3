"""Bad input ends in one line that names the culprit, exit code 1, and nothing half-written."""

import json
import shutil
from pathlib import Path

import pytest

from tests.pipeline.clone import Clone


@pytest.fixture
def copy(reproduced: Clone, tmp_path: Path) -> Clone:
    shutil.copytree(reproduced.root, tmp_path / "copy", symlinks=True)
    return Clone(tmp_path / "copy", reproduced.environment)


def complaint(clone: Clone, stage: str, **environment: str) -> str:
    """What the stage says last, after checking that it is one line and no traceback."""
    command = ("python", "-m", f"stages.{stage}")
    done = clone.run(*command, check=False, PYTHONPATH="src", **environment)
    lines = [line for line in done.stderr.replace("\r", "\n").splitlines() if "error:" in line]
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert len(lines) == 1, done.stderr
    return lines[0]


def set_param(clone: Clone, old: str, new: str, count: int = -1) -> None:
    path = clone.root / "params.yaml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, count))


def replace_file(path: Path, content: bytes) -> None:
    path.unlink()
    path.write_bytes(content)


def test_missing_root(copy: Clone) -> None:
    set_param(copy, "name: sim ", "name: nuscenes ")
    assert "detect2d.backend: simnet" in complaint(copy, "download", NUSCENES_ROOT="/nowhere")
    set_param(copy, "backend: simnet", "backend: box")
    set_param(copy, "backend: box", "backend: owlv2", count=1)
    message = complaint(copy, "download", NUSCENES_ROOT="/nowhere")
    assert "/nowhere" in message
    assert "NUSCENES_ROOT" in message


def test_missing_sweep(copy: Clone) -> None:
    sweep = next((copy.root / "data/raw/samples/LIDAR_TOP").iterdir())
    sweep.unlink()
    before = sorted((copy.root / "data/lifted").iterdir())
    assert sweep.name in complaint(copy, "lift")
    assert sorted((copy.root / "data/lifted").iterdir()) == before


def test_truncated_sweep(copy: Clone) -> None:
    sweep = next((copy.root / "data/raw/samples/LIDAR_TOP").iterdir())
    replace_file(sweep, sweep.read_bytes()[:-3])
    message = complaint(copy, "sam3d")
    assert sweep.name in message
    assert "cut short" in message


def test_too_many_unreadable_images(copy: Clone) -> None:
    for image in (copy.root / "data/raw/samples/CAM_FRONT").iterdir():
        replace_file(image, b"no image")
    message = complaint(copy, "segment")
    assert "execution.max_unreadable: " in message
    assert "CAM_FRONT" in message


def test_an_unreadable_image_costs_itself_alone(copy: Clone) -> None:
    image = next((copy.root / "data/raw/samples/CAM_FRONT").iterdir())
    replace_file(image, b"no image")
    set_param(copy, "max_unreadable: 0.01 ", "max_unreadable: 0.05 ")
    said = copy.run("python", "-m", "stages.detect2d", PYTHONPATH="src").stdout
    assert f"left out 1 unreadable images: data/raw/samples/CAM_FRONT/{image.name}" in said
    scores = json.loads((copy.root / "metrics/detect2d.json").read_text())
    assert scores["unreadable_images"] == 1
    assert scores["detections"] > 0


def test_unknown_parameter(copy: Clone) -> None:
    set_param(copy, "  min_iou:", "  min_iuo:")
    message = complaint(copy, "download")
    assert "fuse.min_iuo" in message
    assert "fuse.min_iou" in message


def test_unknown_class(copy: Clone) -> None:
    from cm3d.tables import Masks

    path = next(p for p in (copy.root / "data/masks").iterdir() if len(Masks.read(p)))
    masks = Masks.read(path)
    path.unlink()
    masks.replace(class_name=["tram"] * len(masks)).write(path)
    assert "'tram'" in complaint(copy, "lift")


def test_unwritable_cache(copy: Clone) -> None:
    shutil.rmtree(copy.root / ".cache", ignore_errors=True)
    (copy.root / ".cache").write_text("a file where the cache should be")
    assert ".cache" in complaint(copy, "fuse")


def test_scene_without_detections_is_no_error(copy: Clone) -> None:
    from cm3d.tables import Boxes2D, Boxes3D

    for path in (copy.root / "data/boxes2d").iterdir():
        path.unlink()
        Boxes2D.empty().write(path)
    for stage in ("segment", "lift", "fuse"):
        copy.stage(stage)
    assert all(len(Boxes3D.read(p)) == 0 for p in (copy.root / "data/pseudo_labels").iterdir())


def test_frame_without_points_is_no_error(copy: Clone) -> None:
    for sweep in (copy.root / "data/raw/samples/LIDAR_TOP").iterdir():
        replace_file(sweep, b"")
    for sweep in (copy.root / "data/raw/sweeps/LIDAR_TOP").iterdir():
        replace_file(sweep, b"")
    for stage in ("lift", "sam3d", "fuse"):
        copy.stage(stage)


def test_training_without_any_label_names_its_knob(copy: Clone) -> None:
    set_param(copy, "  fraction: 0.5", "  fraction: 0.0")
    assert "labels.fraction" in complaint(copy, "finetune")
