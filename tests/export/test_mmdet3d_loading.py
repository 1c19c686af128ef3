"""mmdet3d itself opens what is written: its boxes and points lie in one frame."""

import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cm3d.datasets.nuscenes import CARD
from cm3d.datasets.nuscenes.database import NuScenesTables
from cm3d.datasets.nuscenes.scenes import index_scene
from cm3d.export.mmdet3d.infos import annotation_file, keyframe_info
from cm3d.geometry.se3 import SE3
from cm3d.sensors.lidar import read_sweep
from cm3d.taxonomy import load_taxonomy
from cm3d.training.frames import TrainingFrame
from tests.export.made_keyframe import BOXES

pytestmark = [pytest.mark.mmdet3d, pytest.mark.filterwarnings("ignore")]

TAXONOMY = load_taxonomy("nuscenes", Path(__file__).parents[2] / "taxonomies")
CLASSES = ["pedestrian", "car", "bus", "truck"]  # a config may train some, in any order


@pytest.fixture
def load(tmp_path: Path) -> Any:
    """Write infos, open them with mmdet3d and return the first keyframe as training sees it."""
    reason = "mmdet3d is not installed: docs/mmdet3d.md"
    datasets = pytest.importorskip("mmdet3d.datasets", reason=reason, exc_type=ImportError)
    ops = pytest.importorskip("mmcv.ops", reason=reason, exc_type=ImportError)
    registry = pytest.importorskip("mmengine.registry", reason=reason)

    def load(root: Path, *infos: dict[str, Any]) -> dict[str, Any]:
        path = tmp_path / "infos.json"
        path.write_text(json.dumps(annotation_file(infos, "v1.0-trainval"), allow_nan=False))
        registry.init_default_scope("mmdet3d")
        dataset = datasets.NuScenesDataset(
            data_root=str(root),
            ann_file=str(path),
            data_prefix={"pts": "samples/LIDAR_TOP", "sweeps": "sweeps/LIDAR_TOP"},
            metainfo={"classes": CLASSES},
            use_valid_flag=True,
            pipeline=[
                {"type": "LoadPointsFromFile", "coord_type": "LIDAR", "load_dim": 5, "use_dim": 5},
                {"type": "LoadPointsFromMultiSweeps", "sweeps_num": 9, "use_dim": [0, 1, 2, 3, 4]},
                {"type": "LoadAnnotations3D", "with_bbox_3d": True, "with_label_3d": True},
                {"type": "Pack3DDetInputs", "keys": ["points", "gt_bboxes_3d", "gt_labels_3d"]},
            ],
        )
        packed = dataset[0]
        instances = packed["data_samples"].gt_instances_3d
        points, boxes = packed["inputs"]["points"], instances.bboxes_3d.tensor
        inside = ops.points_in_boxes_cpu(points[None, :, :3], boxes[None, :, :7])[0]
        return {
            "points": points.numpy(),
            "boxes": boxes.numpy(),
            "labels": instances.labels_3d.numpy(),
            "inside": inside.numpy().sum(axis=0),
            "instances": instances,
        }

    return load


def test_sweeps_of_a_turning_vehicle_fill_the_boxes(
    turning_vehicle: tuple[Path, dict[str, Any]], load: Any
) -> None:
    root, info = turning_vehicle
    loaded = load(root, info)
    assert loaded["labels"].tolist() == [CLASSES.index("bus"), CLASSES.index("car")]
    assert loaded["inside"].tolist() == [100, 100]  # 50 of each sweep
    assert len(loaded["points"]) == 200
    np.testing.assert_allclose(np.unique(loaded["points"][:, 4]), [0, 0.05], atol=1e-5)
    speed_mps = np.linalg.norm(loaded["boxes"][:, 7:], axis=1)
    np.testing.assert_allclose(speed_mps, [0, 3], atol=0.01)  # unknown velocity becomes none


def test_mmdet3d_takes_boxes_back_to_the_global_frame(
    turning_vehicle: tuple[Path, dict[str, Any]], load: Any
) -> None:
    """Its result file has the boxes that were exported, so both poses are right as well."""
    root, info = turning_vehicle
    instances = load(root, info)["instances"]
    metrics = importlib.import_module("mmdet3d.evaluation.metrics")
    metric = metrics.NuScenesMetric(
        data_root=str(root),
        ann_file=str(root / "infos.json"),
        format_only=True,
        jsonfile_prefix=str(root / "results"),
    )
    metric.dataset_meta = {"classes": CLASSES, "version": "v1.0-trainval"}
    found = {name: instances[name] for name in ("bboxes_3d", "labels_3d")}
    found["scores_3d"] = instances.bboxes_3d.tensor.new_full((len(BOXES),), 0.5)
    metric.process({}, [{"pred_instances_3d": found, "pred_instances": {}, "sample_idx": 0}])
    metric.compute_metrics(metric.results)
    file = root / "results" / "pred_instances_3d" / "results_nusc.json"
    results = json.loads(file.read_text())["results"]["a"]
    assert [result["detection_name"] for result in results] == list(BOXES.class_name)
    center_m = [result["translation"] for result in results]
    np.testing.assert_allclose(center_m, BOXES.center_m, atol=1e-4)
    size_wlh_m = np.stack([BOXES.width_m, BOXES.length_m, BOXES.height_m], axis=1)
    np.testing.assert_allclose([result["size"] for result in results], size_wlh_m, atol=1e-5)


@pytest.mark.real
def test_points_of_the_real_keyframe_are_in_the_boxes(real_keyframe: Path, load: Any) -> None:
    scene = index_scene(NuScenesTables(real_keyframe, "v1.0-mini"), "scene-0061", 9, TAXONOMY)
    truth = scene.ground_truth[np.isin(scene.ground_truth.class_name.astype(str), CLASSES)]
    token, path = scene.frames.sample_token[0], scene.sweeps.path[0]
    info = keyframe_info(
        TrainingFrame(token, scene.sweeps, truth),
        int(scene.frames.timestamp_us[0]),
        SE3.from_pose(scene.frames.global_SE3_ego[0]),
        read_sweep(real_keyframe / path, CARD.lidar)[:, :3],
    )
    loaded = load(real_keyframe, info)
    assert len(loaded["inside"]) == len(truth)
    counted = np.array([instance["num_lidar_pts"] for instance in info["instances"]])
    assert np.abs(loaded["inside"] - counted).max() <= 1  # a point on a face: float32 there
    # nuScenes counts in boxes that stay upright in the world, mmdet3d's lean with the LiDAR.
    error = np.abs(loaded["inside"] - truth.num_lidar_points)
    assert np.mean(error == 0) > 0.9
    assert error.sum() < 0.05 * truth.num_lidar_points.sum()
