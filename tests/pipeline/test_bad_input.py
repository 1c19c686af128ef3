"""Bad input ends in one line that names the culprit, exit code 1, and nothing half-written."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from cm3d.tables import Boxes3D, GroundTruth, Sweeps
from trust.clone import Clone


def complaint(clone: Clone, stage: str, *arguments: str, **environment: str) -> str:
    """What the stage says last, after checking that it is one line and no traceback."""
    done = clone.run_stage(stage, *arguments, **environment)
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


def a_keyframe(clone: Clone) -> Path:
    """A LiDAR file that every stage reads; not all that lie there are listed in the index."""
    sweeps = Sweeps.read(next((clone.root / "data/index/sweeps").glob("*.parquet")))
    return clone.root / "data/raw" / str(sweeps.path[np.argmin(sweeps.sweep_index)])


def test_missing_root(copy: Clone) -> None:
    set_param(copy, "name: sim ", "name: nuscenes ")
    assert "detect2d.backend: simnet" in complaint(copy, "download", NUSCENES_ROOT="/nowhere")
    set_param(copy, "backend: simnet", "backend: box")
    set_param(copy, "backend: box", "backend: owlv2", count=1)
    message = complaint(copy, "download", NUSCENES_ROOT="/nowhere")
    assert "/nowhere" in message
    assert "NUSCENES_ROOT" in message


def test_missing_sweep(copy: Clone) -> None:
    sweep = a_keyframe(copy)
    sweep.unlink()
    before = sorted((copy.root / "data/lifted").iterdir())
    assert sweep.name in complaint(copy, "lift")
    assert sorted((copy.root / "data/lifted").iterdir()) == before


def test_truncated_sweep(copy: Clone) -> None:
    sweep = a_keyframe(copy)
    replace_file(sweep, sweep.read_bytes()[:-3])
    message = complaint(copy, "sam3d")
    assert sweep.name in message
    assert "cut short" in message


def test_too_many_unreadable_images(copy: Clone) -> None:
    for image in (copy.root / "data/raw/images/CAM_FRONT").iterdir():
        replace_file(image, b"no image")
    message = complaint(copy, "segment")
    assert "execution.max_unreadable: " in message
    assert "CAM_FRONT" in message


def test_an_unreadable_image_costs_itself_alone(copy: Clone) -> None:
    image = next((copy.root / "data/raw/images/CAM_FRONT").iterdir())
    replace_file(image, b"no image")
    set_param(copy, "max_unreadable: 0.01 ", "max_unreadable: 0.05 ")
    said = copy.run_stage("detect2d").stdout
    assert f"left out 1 unreadable images: data/raw/images/CAM_FRONT/{image.name}" in said
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
    from cm3d.tables import Boxes2D

    for path in (copy.root / "data/boxes2d").iterdir():
        path.unlink()
        Boxes2D.empty().write(path)
    for stage in ("segment", "lift", "fuse"):
        copy.stage(stage)
    assert all(len(Boxes3D.read(p)) == 0 for p in (copy.root / "data/pseudo_labels").iterdir())


def test_frame_without_points_is_no_error(copy: Clone) -> None:
    empty_point_clouds(copy)
    for stage in ("lift", "sam3d", "fuse"):
        copy.stage(stage)


def empty_point_clouds(clone: Clone) -> None:
    for sweep in (clone.root / "data/raw/lidar").rglob("*.bin"):
        replace_file(sweep, b"")


def without_boxes(clone: Clone, table: type[Boxes3D], folder: str, class_name: str = "") -> None:
    """Take the boxes of a class out of a set of labels, or all of them."""
    for path in (clone.root / folder).iterdir():
        boxes = table.read(path)
        path.unlink()
        (boxes[boxes.class_name != class_name] if class_name else table.empty()).write(path)


@pytest.fixture
def training(copy: Clone) -> Iterator[Clone]:
    """A copy in which training stages fail; what they left before is there afterwards."""
    before = files_of(copy)
    yield copy
    assert files_of(copy) == before
    assert not list((copy.root / ".cache/resume").rglob("model.safetensors"))


def files_of(clone: Clone) -> dict[str, bytes]:
    """Content of all that trainings and detection write."""
    folders = ("data/models", "data/predictions", "metrics")
    files = (path for folder in folders for path in (clone.root / folder).rglob("*"))
    return {
        str(path.relative_to(clone.root)): path.read_bytes() for path in files if path.is_file()
    }


def test_training_without_any_label_names_its_knob(training: Clone) -> None:
    training.override({"labels.fraction": 0.0})
    assert "labels.fraction" in complaint(training, "finetune")


def test_more_trainers_than_cores(training: Clone) -> None:
    training.override({"execution.trainers": 999})
    assert "execution.trainers: 999 processes, but " in complaint(training, "finetune")


def test_more_trainers_than_frames_in_a_batch(training: Clone) -> None:
    training.override({"execution.trainers": 2, "finetune.batch_size": 1})
    message = complaint(training, "finetune")
    assert "execution.trainers: 2 processes cannot share a batch of 1 frames" in message


def test_a_frame_without_points_is_not_learned_from(training: Clone) -> None:
    empty_point_clouds(training)
    message = complaint(training, "finetune")
    assert "no LiDAR point within detector.range_m" in message
    assert "lidar/" in message


def test_labels_of_no_box_at_all(training: Clone) -> None:
    without_boxes(training, GroundTruth, "data/index/ground_truth")
    assert "labels.fraction: no box with LiDAR or radar returns" in complaint(training, "finetune")
    without_boxes(training, Boxes3D, "data/pseudo_labels")
    assert "pretrain.min_label_score: no pseudo-label" in complaint(training, "pretrain")


def test_a_token_of_no_train_keyframe(training: Clone) -> None:
    (training.root / "labelled.json").write_text('["nobody"]')
    training.override({"labels.frames_file": "labelled.json"})
    message = complaint(training, "finetune")
    assert "labels.frames_file: labelled.json" in message
    assert "'nobody'" in message


@pytest.mark.parametrize(
    ("knob", "value"),
    [
        ("detector.block_channels", [8, 8, 16]),
        ("detector.encoder", "voxels"),
    ],
)
def test_a_model_of_another_detector(training: Clone, knob: str, value: object) -> None:
    training.override({knob: value})
    message = complaint(training, "predict", "finetune")
    assert "data/models/finetune/detector.json: " in message
    assert f"{knob} was " in message


def test_a_model_of_other_classes(training: Clone) -> None:
    training.override({"taxonomy": "waymo"})
    message = complaint(training, "predict", "finetune")
    assert "data/models/finetune/detector.json: " in message
    assert "taxonomy" in message


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("taxonomy: nuscenes", "taxonomy: trams", "taxonomies/trams.yaml; there are nuscenes, "),
        ("taxonomy: nuscenes", "taxonomy: ../trams", "taxonomy: not a name of letters"),
        (
            "name: sim",
            "name: kitti",
            "dataset.name: no data set 'kitti'; there are nuscenes, pandaset, ",
        ),
        ("version: v1", "version: ../v1", "dataset.version: not a name of letters"),
        ("labels: lifted", "labels: imported", "imported needs import_labels.file"),
    ],
)
def test_guests_that_are_not_there(copy: Clone, old: str, new: str, named: str) -> None:
    set_param(copy, "  backend: simnet", "  backend: box", count=2)
    set_param(copy, "  backend: box", "  backend: owlv2", count=1)
    set_param(copy, old, new, count=1)
    assert named in complaint(copy, "download")


def test_weights_that_do_not_fit(copy: Clone) -> None:
    replace_file(copy.root / "data/models/finetune/model.safetensors", b"no weights")
    assert "model.safetensors: neither safetensors nor what PyTorch writes" in complaint(
        copy, "predict", "finetune"
    )


def test_a_class_without_examples_is_said(copy: Clone) -> None:
    without_boxes(copy, GroundTruth, "data/index/ground_truth", "car")
    said = copy.run_stage("finetune").stdout
    (note,) = [line for line in said.splitlines() if "no example of" in line]
    assert note.startswith("note: finetune: no example of car")
