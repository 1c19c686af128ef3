"""BEVFusion through the stages: the LiDAR branch, then both sensors; cameras alone."""

import json
from pathlib import Path
from typing import Any

from safetensors import safe_open

from experiments.preset import load_preset
from trust.clone import Clone

SMALL = {
    "bevfusion.fusion.epochs_share": 2.0,
    "bevfusion.cameras.width_px": 128,
    "bevfusion.cameras.height_px": 64,
    "bevfusion.cameras.scaled_width_px": 144,
    "bevfusion.cameras.min_scaled_width_px": 130,
    "bevfusion.cameras.max_scaled_width_px": 160,
    "bevfusion.cameras.neck_channels": 8,
    "bevfusion.cameras.bev_channels": 8,
    "bevfusion.cameras.depth_step_m": 4.0,
}


def modality_of(clone: Clone, model: str) -> Any:
    folder = clone.root / "data/models" / model
    return json.loads((folder / "detector.json").read_text())["bevfusion"]["modality"]


def tensors_of(clone: Clone, model: str) -> set[str]:
    with safe_open(clone.root / "data/models" / model / "model.safetensors", "pt") as file:
        return {name.split(".")[0] for name in file.keys()}


def images_of(clone: Clone) -> list[Path]:
    return sorted((clone.root / "data/raw/images").rglob("*.jpg"))


def damage(image: Path) -> None:
    """Cut it short, in a file of its own: DVC's cache has the same one."""
    content = image.read_bytes()
    image.unlink()
    image.write_bytes(content[:3000])


def score(clone: Clone, model: str) -> dict[str, float]:
    clone.stage("predict", model)
    folder = f"data/predictions/{model}"
    clone.stage("evaluate", "nuscenes", model, folder, "--frames", "scoring")
    scores: dict[str, float] = json.loads(
        (clone.root / f"metrics/evaluate/{model}.json").read_text()
    )
    return scores


def test_both_sensors_after_the_lidar_branch(copy: Clone) -> None:
    copy.override(load_preset("bevfusion_small") | SMALL)
    copy.stage("pretrain")
    assert modality_of(copy, "pretrain") == "lidar"
    assert "cameras" not in tensors_of(copy, "pretrain")
    assert score(copy, "pretrain")["mAP"] >= 0
    said = copy.stage("finetune")
    assert "finetune, all sensors: " in said
    assert modality_of(copy, "finetune") == "lidar_cameras"
    assert {"cameras", "fuser", "encoder"} <= tensors_of(copy, "finetune")
    steps = (copy.root / "metrics/plots/finetune.csv").read_text().splitlines()
    assert len(steps) == 1 + 3 + 2 * 3  # three frames, one epoch and two
    assert score(copy, "finetune")["mAP"] >= 0
    copy.stage("relabel", "--round", "1")
    copy.stage("selftrain", "--round", "1")
    assert modality_of(copy, "selftrain_r1") == "lidar_cameras"


def test_what_the_second_training_lacks_is_said_before_the_first(copy: Clone) -> None:
    values = load_preset("bevfusion_small") | SMALL | {"finetune.init": "random"}
    copy.override(values | {"bevfusion.cameras.backbone": "swin_t"})
    said = copy.stage("finetune", check=False)
    assert "frames to do" not in said
    assert "bevfusion.cameras.swin" in said
    copy.override(values | {"bevfusion.cameras.backbone": "efficientnet_lite0"})
    for image in images_of(copy):
        image.unlink()
    said = copy.stage("finetune", check=False)
    assert "frames to do" not in said
    assert "execution.max_unreadable: 18 of 18 images (100.00%)" in said


def test_a_bound_of_full_supervision_begins_with_the_branch(copy: Clone) -> None:
    values = {"labels.fraction": 1.0, "bevfusion.fusion.after": "pretrain"}
    copy.override(load_preset("bevfusion_small") | SMALL | values)
    copy.stage("pretrain")
    assert modality_of(copy, "pretrain") == "lidar"
    assert "finetune, all sensors: " in copy.stage("finetune")


def test_cameras_alone_and_a_rig_that_is_not_theirs(copy: Clone) -> None:
    copy.override(load_preset("bevfusion_c") | SMALL)
    copy.stage("pretrain")
    assert modality_of(copy, "pretrain") == "cameras"
    assert "encoder" not in tensors_of(copy, "pretrain")
    assert score(copy, "pretrain")["mAP"] >= 0
    damage(next(image for image in images_of(copy) if image.name.startswith("scene-0003")))
    said = copy.stage("predict", "pretrain", check=False)
    assert "execution.max_unreadable: 1 of 18 images (5.56%) are unreadable" in said
    copy.override(load_preset("bevfusion_c") | SMALL | {"execution.max_unreadable": 0.1})
    done = copy.run_stage("predict", "pretrain")
    assert done.returncode == 0 and "note: left out 1 unreadable images: " in done.stdout
    configuration = copy.root / "data/models/pretrain/detector.json"
    stored = json.loads(configuration.read_text())
    configuration.write_text(json.dumps(stored | {"rig": stored["rig"][1:]}))
    said = copy.stage("predict", "pretrain", check=False)
    assert f"{stored['rig'][0]} is no camera that the model learned from" in said
    for image in images_of(copy):
        damage(image)
    said = copy.stage("pretrain", check=False)
    assert "execution.max_unreadable: 6 of " in said and "are unreadable so far" in said


def test_the_map_beneath(copy: Clone) -> None:
    copy.override(load_preset("bevfusion_small") | SMALL | {"finetune_map.epochs": 2})
    copy.stage("pretrain")
    copy.stage("finetune_map")
    copy.stage("predict_map")
    folder = "data/map_predictions"
    copy.stage("evaluate", "maps", "map", folder, "--frames", "scoring")
    scores = json.loads((copy.root / "metrics/evaluate/map.json").read_text())
    assert 0 < scores["mIoU"] < 1
    assert {"cameras", "encoder", "head"} <= tensors_of(copy, "finetune_map")
    curve = (copy.root / "metrics/plots/finetune_map.csv").read_text().splitlines()
    assert "map/drivable_area" in curve[0]
