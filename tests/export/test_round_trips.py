"""What is written comes back, read by small readers of the tests' own: every format.

The vehicle, its LiDAR and its front camera lean, so that a mistaken axis or frame shows. A reader
that takes a heading as it is in a sensor's frame is off by the square of the lean.
"""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from cm3d.export.protocol import formats
from cm3d.tables import Boxes3D, layout
from experiments.overrides import write_overrides
from tests.export.conftest import Export
from tests.export.readers import (
    NAN,
    Rows,
    read_kitti,
    read_mmdet3d,
    read_nuscenes,
    read_openpcdet,
    read_waymo,
)
from tests.export.workspace import (
    EGO_SE3_BACK,
    EGO_SE3_FRONT,
    LABELS,
    TIME_US,
    boxes_of,
    global_SE3_ego,
    truth_of,
)

VAL = ("first", "second")


def rows_of(boxes: Boxes3D) -> Rows:
    """Boxes as the readers give them."""
    values = np.column_stack(
        [boxes.center_m, boxes.cuboids.size_m, boxes.yaw_rad, boxes.velocity_mps, boxes.score]
    )
    keys = zip(boxes.sample_token, boxes.class_name, strict=True)
    return {key: row[None] for key, row in zip(keys, values, strict=True)}


def check(found: Rows, expected: Rows, atol: float, unknown: tuple[int, ...] = ()) -> None:
    """Compare boxes; columns that the format does not know must be NaN."""
    assert found.keys() == expected.keys()
    for key, rows in found.items():
        wanted = expected[key].copy()
        wanted[:, list(unknown)] = NAN
        difference = rows[:, 6] - wanted[:, 6]
        turn_rad = (difference + np.pi) % (2 * np.pi) - np.pi
        assert_allclose(turn_rad, 0, atol=atol, err_msg=str(key))
        assert_allclose(np.delete(rows, 6, 1), np.delete(wanted, 6, 1), atol=atol, err_msg=str(key))


def val_boxes() -> Boxes3D:
    return Boxes3D.concatenate(map(boxes_of, VAL))


def test_there_are_five_formats() -> None:
    assert formats() == ["kitti", "mmdet3d", "nuscenes", "openpcdet", "waymo"]


def test_nuscenes(export: Export) -> None:
    found = read_nuscenes(export("nuscenes", LABELS))
    boxes = val_boxes()
    known = boxes.replace(velocity_mps=np.nan_to_num(boxes.velocity_mps))
    check(found, rows_of(known), atol=1e-9)


def test_nuscenes_says_what_boxes_are_made_from(export: Export) -> None:
    used = json.loads((export("nuscenes", LABELS) / "results_nusc.json").read_text())["meta"]
    assert used["use_camera"] and used["use_lidar"] and used["use_map"]
    out = export("nuscenes", LABELS, "--made-from", "lidar", out="of/lidar")
    used = json.loads((out / "results_nusc.json").read_text())["meta"]
    assert not (used["use_camera"] or used["use_map"] or used["use_radar"] or used["use_external"])
    assert used["use_lidar"]


def test_mmdet3d(export: Export) -> None:
    found = read_mmdet3d(export("mmdet3d", LABELS) / "cm3d_infos_val.json")
    check(found, rows_of(val_boxes()), atol=1e-9, unknown=(9,))


def test_openpcdet(export: Export) -> None:
    found = read_openpcdet(export("openpcdet", LABELS) / "cm3d_infos_10sweeps_val.pkl")
    check(found, rows_of(val_boxes()), atol=1e-9, unknown=(9,))


def test_waymo(export: Export) -> None:
    write_overrides(Path("params.yaml"), {"taxonomy": "waymo"})
    classes = ("vehicle", "cyclist", "pedestrian")
    boxes = Boxes3D.concatenate(boxes_of(token, classes) for token in VAL)
    boxes.write(Path("data/theirs/drive-val.parquet"))
    poses = {token: global_SE3_ego(token).matrix for token in VAL}
    times = {TIME_US[token]: token for token in VAL}
    found = read_waymo(export("waymo", Path("data/theirs")) / "objects.bin", poses, times)
    check(found, rows_of(boxes), atol=1e-6, unknown=(7, 8))


@pytest.mark.parametrize(
    ("channel", "mount", "types"),
    [
        ("CAM_FRONT", EGO_SE3_FRONT, {"car": "Car", "bus": "Misc"}),
        ("CAM_BACK", EGO_SE3_BACK, {"pedestrian": "Pedestrian"}),
    ],
)
def test_kitti(export: Export, channel: str, mount: object, types: dict[str, str]) -> None:
    poses = {token: (global_SE3_ego(token) @ mount).matrix for token in VAL}
    found = read_kitti(export("kitti", LABELS), channel, poses)
    boxes = val_boxes()
    boxes = boxes[np.isin(boxes.class_name.astype(str), list(types))]
    expected = {(token, types[name]): row for (token, name), row in rows_of(boxes).items()}
    check(found, expected, atol=2e-4, unknown=(7, 8))


def test_kitti_of_ground_truth_has_no_scores(export: Export) -> None:
    poses = {token: (global_SE3_ego(token) @ EGO_SE3_FRONT).matrix for token in VAL}
    found = read_kitti(export("kitti", layout.GROUND_TRUTH), "CAM_FRONT", poses)
    assert found.keys() == {(token, name) for token in VAL for name in ("Car", "Misc")}
    assert all(np.isnan(rows[:, 9]).all() for rows in found.values())


def test_trainings_get_no_ground_truth_without_a_return(export: Export) -> None:
    truth = truth_of("labelled")
    seen = Boxes3D(**{name: getattr(truth, name) for name in Boxes3D.schema().names})[[0, 2]]
    out = export("openpcdet", layout.GROUND_TRUTH, "--split", "labelled")
    found = read_openpcdet(out / "cm3d_infos_10sweeps_labelled.pkl")
    check(found, rows_of(seen), atol=1e-9, unknown=(9,))
    out = export("mmdet3d", layout.GROUND_TRUTH, "--split", "labelled", out="other")
    found = read_mmdet3d(out / "cm3d_infos_labelled.json")
    check(found, rows_of(seen), atol=1e-9, unknown=(9,))
