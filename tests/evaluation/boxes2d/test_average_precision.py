import contextlib
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cm3d.errors import InputError
from cm3d.evaluation.boxes2d.average_precision import (
    Found2D,
    ProjectedTruth,
    find_boxes2d,
    match_boxes2d,
    project_truth,
    score_boxes2d,
    score_classes2d,
    score_found2d,
)
from cm3d.tables import Boxes2D, Cameras, GroundTruth
from tests.evaluation.known import CLASS_NAMES, TAXONOMY

# Looks along global x from the origin: camera z = x, camera x = -y, camera y = -z.
CAMERAS = Cameras.from_columns(
    camera_token=["front 1", "front 2"],
    sample_token=["frame 1", "frame 2"],
    channel=["CAM_FRONT"] * 2,
    path=["", ""],
    width_px=[1600] * 2,
    height_px=[900] * 2,
    intrinsics_px=[[1000, 0, 800, 0, 1000, 450, 0, 0, 1]] * 2,
    global_SE3_camera=[[0.5, -0.5, 0.5, -0.5, 0, 0, 0]] * 2,
)


def truth(*rows: tuple[str, str, float]) -> GroundTruth:
    """Cubes of 2 m at (x, y, 0): frame, class, y; all at x = 11."""
    count = len(rows)
    return GroundTruth.from_columns(
        sample_token=[row[0] for row in rows],
        class_name=[row[1] for row in rows],
        score=np.ones(count),
        center_m=[[11.0, row[2], 0.0] for row in rows],
        length_m=np.full(count, 2.0),
        width_m=np.full(count, 2.0),
        height_m=np.full(count, 2.0),
        yaw_rad=np.zeros(count),
        velocity_mps=np.zeros((count, 2)),
        attribute_name=[""] * count,
        instance_token=[str(row) for row in range(count)],
        num_lidar_points=np.full(count, 5),
        num_radar_points=np.zeros(count),
        visibility=np.full(count, 4),
    )


def detections(*rows: tuple[str, str, float, list[float]]) -> Boxes2D:
    return Boxes2D.from_columns(
        camera_token=[row[0] for row in rows],
        detection_id=np.arange(len(rows)),
        class_name=[row[1] for row in rows],
        score=[row[2] for row in rows],
        box_px=[row[3] for row in rows],
    )


def class_scores(found: Boxes2D, rows: GroundTruth) -> dict[str, tuple[float, float]]:
    """Average precision and recall of the classes that occur."""
    classes = score_classes2d(found, rows, CAMERAS, CLASS_NAMES)
    return {name: (scores.average_precision, scores.recall) for name, scores in classes.items()}


def headline(found: Boxes2D, rows: GroundTruth, cameras: Cameras = CAMERAS) -> dict[str, float]:
    classes = score_classes2d(found, rows, cameras, CLASS_NAMES)
    return score_boxes2d(classes, len(found), len(cameras))


AHEAD = [700.0, 350.0, 900.0, 550.0]  # the cube at y = 0: 1 m to each side at 10 m
LEFT = [300.0, 350.0, 700 - 1000 / 12, 550.0]


def test_truth_is_projected_to_the_images_of_its_frame() -> None:
    projected = project_truth(truth(("frame 2", "car", 0.0)), CAMERAS)
    assert projected.boxes.camera_token.tolist() == ["front 2"]
    np.testing.assert_allclose(projected.boxes.box_px, [AHEAD], atol=1e-9)


def test_truth_behind_the_camera_is_on_no_image() -> None:
    behind = truth(("frame 1", "car", 0.0)).replace(center_m=np.array([[-11.0, 0, 0]]))
    assert len(project_truth(behind, CAMERAS).boxes) == 0


def test_the_truth_itself_is_perfect() -> None:
    rows = truth(("frame 1", "car", 0.0), ("frame 2", "bus", 0.0), ("frame 2", "car", 5.0))
    perfect = project_truth(rows, CAMERAS).boxes
    scores = headline(perfect, rows)
    assert scores["map50"] == pytest.approx(1)
    assert scores["recall50"] == 1
    assert scores["detections_per_image"] == 1.5


def test_half_of_the_objects_found() -> None:
    rows = truth(("frame 1", "car", 0.0), ("frame 2", "car", 0.0))
    found = detections(("front 1", "car", 0.9, AHEAD))
    average_precision, recall = class_scores(found, rows)["car"]
    assert recall == 0.5
    assert average_precision == pytest.approx(51 / 101)  # recalls 0.00 to 0.50 of 101


def test_a_better_scored_false_positive_halves_precision() -> None:
    rows = truth(("frame 1", "car", 0.0))
    found = detections(("front 1", "car", 0.5, AHEAD), ("front 2", "car", 0.9, [0, 0, 50, 50]))
    assert class_scores(found, rows)["car"] == (pytest.approx(0.5), 1.0)


def test_another_class_or_place_does_not_count() -> None:
    rows = truth(("frame 1", "car", 0.0))
    wrong = detections(
        ("front 1", "truck", 0.9, AHEAD), ("front 1", "car", 0.9, [700, 350, 780, 550])
    )
    assert class_scores(wrong, rows)["car"] == (0.0, 0.0)


@pytest.mark.parametrize("fault", [{"visibility": [1, 4]}, {"num_lidar_points": [0, 5]}])
def test_hidden_truth_is_neither_asked_for_nor_held_against(fault: dict[str, list[int]]) -> None:
    rows = truth(("frame 1", "car", 0.0), ("frame 2", "car", 0.0)).replace(**fault)
    on_visible = detections(("front 2", "car", 0.5, AHEAD))
    on_both = detections(("front 2", "car", 0.5, AHEAD), ("front 1", "car", 0.9, AHEAD))
    for found in (on_visible, on_both):
        assert class_scores(found, rows)["car"] == (pytest.approx(1), 1.0)


def test_unknown_visibility_counts() -> None:
    rows = truth(("frame 1", "car", 0.0)).replace(visibility=np.array([0]))
    assert headline(Boxes2D.empty(), rows)["recall50"] == 0


def test_nothing_to_find_leaves_no_average() -> None:
    scores = headline(detections(("front 1", "car", 0.9, AHEAD)), truth())
    assert scores == {"detections_per_image": 0.5}
    assert headline(Boxes2D.empty(), truth(), Cameras.empty()) == {"detections_per_image": 0}


def test_means_are_over_the_classes_that_occur() -> None:
    rows = truth(("frame 1", "car", 0.0), ("frame 2", "bus", 0.0))
    scores = headline(detections(("front 1", "car", 0.9, AHEAD)), rows)
    assert scores["map50"] == pytest.approx(0.5)


def test_precision_is_that_of_each_recall() -> None:
    rows = truth(("frame 1", "car", 0.0), ("frame 2", "car", 0.0))
    found = detections(("front 1", "car", 0.9, AHEAD))
    precision = score_classes2d(found, rows, CAMERAS, CLASS_NAMES)["car"].precision
    assert precision.tolist() == pytest.approx([1.0] * 51 + [0.0] * 50)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_scores_are_those_that_coco_accumulates(seed: int) -> None:
    rng = np.random.default_rng(seed)
    objects, count = int(rng.integers(0, 20)), int(rng.integers(0, 40))
    names, corners_px = np.array(CLASS_NAMES[:3]), rng.integers(0, 6, (objects + count, 2)) * 100
    boxes = Boxes2D.from_columns(
        camera_token=rng.choice(["front 1", "front 2"], objects + count).tolist(),
        detection_id=np.arange(objects + count),
        class_name=rng.choice(names, objects + count).tolist(),
        score=rng.random(objects + count).round(1),
        box_px=np.hstack([corners_px, corners_px + rng.integers(100, 160, (objects + count, 2))]),
    )
    true = ProjectedTruth(boxes[:objects], rng.random(objects) < 0.2)
    evaluation = match_boxes2d(boxes[objects:], true, CAMERAS.camera_token, CLASS_NAMES)
    ours = score_found2d(Found2D.of(evaluation), CLASS_NAMES)
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation.accumulate()
    for index, name in enumerate(CLASS_NAMES):
        recall = evaluation.eval["recall"][0, index, 0, 0]
        assert (name in ours) == (recall >= 0)
        if name in ours:
            assert ours[name].recall == recall
            theirs = evaluation.eval["precision"][0, :, index, 0, 0]
            np.testing.assert_array_equal(ours[name].precision, theirs)


def test_images_one_by_one_score_as_all_at_once() -> None:
    rows = truth(("frame 1", "car", 0.0), ("frame 2", "car", 0.0), ("frame 2", "bus", 5.0))
    boxes = detections(("front 1", "car", 0.5, AHEAD), ("front 2", "car", 0.9, [0, 0, 50, 50]))
    parts = [
        find_boxes2d(boxes[row : row + 1], rows, CAMERAS[row : row + 1], CLASS_NAMES)
        for row in range(2)
    ]
    ours = score_found2d(Found2D.concatenate(parts), CLASS_NAMES)
    whole = score_classes2d(boxes, rows, CAMERAS, CLASS_NAMES)
    assert {n: s.average_precision for n, s in ours.items()} == {
        n: s.average_precision for n, s in whole.items()
    }
    assert set(ours) == {"car", "bus"}


def test_a_class_of_another_list_is_refused() -> None:
    found = detections(("front 1", "van", 0.9, AHEAD))
    with pytest.raises(InputError, match="class 'van' is none of car, bus"):
        match_boxes2d(found, project_truth(truth(), CAMERAS), ["front 1"], ["car", "bus"])


def test_nothing_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    headline(Boxes2D.empty(), truth(("frame 1", "car", 0.0)))
    assert capsys.readouterr().out == ""


@pytest.mark.real
def test_real_detections_find_cars(real_keyframe: Path) -> None:
    from cm3d.datasets.nuscenes.database import NuScenesTables
    from cm3d.datasets.nuscenes.scenes import index_scene
    from cm3d.detect2d.precomputed import read_detections

    scene = index_scene(NuScenesTables(real_keyframe, "v1.0-mini"), "scene-0061", 0, TAXONOMY)
    path = real_keyframe / "detections2d.coco.json"
    boxes = read_detections(path, TAXONOMY, scene.cameras).rows
    classes = score_classes2d(boxes, scene.ground_truth, scene.cameras, CLASS_NAMES)
    assert 0.2 < classes["car"].average_precision < 0.8
    assert (classes["traffic_cone"].average_precision, classes["traffic_cone"].recall) == (0, 0)
