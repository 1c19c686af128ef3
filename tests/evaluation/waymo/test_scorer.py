"""From tables on disk and from Waymo's files to figures."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.spatial.transform import Rotation

from cm3d.errors import InputError
from cm3d.evaluation.waymo import WaymoScorer
from cm3d.evaluation.waymo.countable import drives, from_objects, from_tables
from cm3d.evaluation.waymo.files import main, named, score_objects
from cm3d.evaluation.waymo.rules import least_iou
from cm3d.evaluation.waymo.scores import WaymoCounts
from cm3d.evaluation.waymo.summary import HEADLINES
from cm3d.tables import Boxes3D, Frames, GroundTruth, layout
from cm3d.tables.waymo_objects import write_objects
from cm3d.taxonomy import load_taxonomy
from tests.evaluation.waymo.naive import naive_scores
from tests.evaluation.waymo.submissions import random_submission

Make = Callable[..., Any]
WAYMO = load_taxonomy("waymo")

# AP and APH of `random_submission(7, 12, 25, 20)`, as the naive reference gives them.
GOLDEN = {
    "OBJECT_TYPE_TYPE_VEHICLE_LEVEL_1": (0.596644, 0.447015),
    "OBJECT_TYPE_TYPE_VEHICLE_LEVEL_2": (0.495391, 0.369423),
    "OBJECT_TYPE_TYPE_PEDESTRIAN_LEVEL_1": (0.445436, 0.331582),
    "OBJECT_TYPE_TYPE_PEDESTRIAN_LEVEL_2": (0.393584, 0.292845),
    "OBJECT_TYPE_TYPE_SIGN_LEVEL_1": (0.218826, 0.181182),
    "OBJECT_TYPE_TYPE_SIGN_LEVEL_2": (0.190499, 0.157391),
    "OBJECT_TYPE_TYPE_CYCLIST_LEVEL_1": (0.63787, 0.569386),
    "OBJECT_TYPE_TYPE_CYCLIST_LEVEL_2": (0.553408, 0.494391),
    "RANGE_TYPE_VEHICLE_[0, 30)_LEVEL_1": (0.499243, 0.349895),
    "RANGE_TYPE_VEHICLE_[0, 30)_LEVEL_2": (0.439706, 0.305256),
    "RANGE_TYPE_VEHICLE_[30, 50)_LEVEL_1": (0.624004, 0.485976),
    "RANGE_TYPE_VEHICLE_[30, 50)_LEVEL_2": (0.557291, 0.429026),
    "RANGE_TYPE_VEHICLE_[50, +inf)_LEVEL_1": (0.594433, 0.452478),
    "RANGE_TYPE_VEHICLE_[50, +inf)_LEVEL_2": (0.472002, 0.358175),
    "RANGE_TYPE_PEDESTRIAN_[0, 30)_LEVEL_1": (0.478451, 0.320509),
    "RANGE_TYPE_PEDESTRIAN_[0, 30)_LEVEL_2": (0.475926, 0.314215),
    "RANGE_TYPE_PEDESTRIAN_[30, 50)_LEVEL_1": (0.406158, 0.336961),
    "RANGE_TYPE_PEDESTRIAN_[30, 50)_LEVEL_2": (0.33833, 0.279871),
    "RANGE_TYPE_PEDESTRIAN_[50, +inf)_LEVEL_1": (0.450914, 0.356713),
    "RANGE_TYPE_PEDESTRIAN_[50, +inf)_LEVEL_2": (0.404646, 0.321347),
    "RANGE_TYPE_SIGN_[0, 30)_LEVEL_1": (0.0833333, 0.0829902),
    "RANGE_TYPE_SIGN_[0, 30)_LEVEL_2": (0.0833333, 0.0829902),
    "RANGE_TYPE_SIGN_[30, 50)_LEVEL_1": (0.409296, 0.347778),
    "RANGE_TYPE_SIGN_[30, 50)_LEVEL_2": (0.389611, 0.334976),
    "RANGE_TYPE_SIGN_[50, +inf)_LEVEL_1": (0.168087, 0.127889),
    "RANGE_TYPE_SIGN_[50, +inf)_LEVEL_2": (0.132955, 0.104248),
    "RANGE_TYPE_CYCLIST_[0, 30)_LEVEL_1": (0.666667, 0.642034),
    "RANGE_TYPE_CYCLIST_[0, 30)_LEVEL_2": (0.666667, 0.642034),
    "RANGE_TYPE_CYCLIST_[30, 50)_LEVEL_1": (0.55625, 0.537007),
    "RANGE_TYPE_CYCLIST_[30, 50)_LEVEL_2": (0.460417, 0.444492),
    "RANGE_TYPE_CYCLIST_[50, +inf)_LEVEL_1": (0.772096, 0.689682),
    "RANGE_TYPE_CYCLIST_[50, +inf)_LEVEL_2": (0.613853, 0.542838),
}


@pytest.fixture
def frames() -> Frames:
    """One drive; the vehicle stands somewhere on a slope, looking somewhere."""
    rotation = Rotation.from_euler("ZYX", [2.0, 0.05, -0.03]).as_quat(scalar_first=True)
    return Frames.from_columns(
        sample_token=["later", "f"],
        scene_name=["drive"] * 2,
        timestamp_us=[100_000, 0],
        split=["val"] * 2,
        location=[""] * 2,
        global_SE3_ego=[[1, 0, 0, 0, 0, 0, 0], [*rotation, 1e6, -2e6, 50]],
    )


def globally(vehicle_m: Any, frames: Frames) -> np.ndarray:
    """Where places (N, 3) in the vehicle's frame of keyframe `f` are."""
    pose = frames.global_SE3_ego[1]
    rotation = Rotation.from_quat(pose[:4], scalar_first=True)
    return rotation.apply(np.asarray(vehicle_m, dtype=float)) + pose[4:]


def truth_at(vehicle_m: Any, points: list[int], classes: list[str], frames: Frames) -> GroundTruth:
    count = len(points)
    return GroundTruth.from_columns(
        sample_token=["f"] * count,
        class_name=classes,
        score=np.ones(count),
        center_m=globally(vehicle_m, frames),
        length_m=np.full(count, 4.0),
        width_m=np.full(count, 2.0),
        height_m=np.full(count, 1.5),
        yaw_rad=np.full(count, 0.3),
        velocity_mps=np.zeros((count, 2)),
        attribute_name=[""] * count,
        instance_token=[str(row) for row in range(count)],
        num_lidar_points=points,
        num_radar_points=np.zeros(count),
        visibility=np.zeros(count),
    )


def as_boxes(truth: GroundTruth, scores: list[float]) -> Boxes3D:
    names = Boxes3D.schema().names
    return Boxes3D.from_columns(**{n: getattr(truth, n) for n in names} | {"score": scores})


PLACES = [[10, 0, 0], [0, 40, 1], [-60, 0, 0], [0, -20, 0], [5, 5, 0]]
CLASSES = ["vehicle", "pedestrian", "cyclist", "vehicle", "vehicle"]


def test_levels_follow_from_points_and_the_unseen_are_left_out(frames: Frames) -> None:
    """0 points do not count, up to 5 are hard; nobody has counted where there are -1."""
    truth = truth_at(PLACES, [0, 5, 6, -1, 1], CLASSES, frames)
    predictions, truths = from_tables(as_boxes(truth, [0.5] * 5), truth, frames, WAYMO)
    assert truths.level.tolist() == [2, 1, 1, 2]
    assert truths.kind.tolist() == [1, 2, 0, 0]
    assert truths.frame.tolist() == [0] * 4  # the earlier one
    assert predictions.last.tolist() == [50] * 5


def test_an_annotated_level_comes_before_points_in_tables_too(frames: Frames) -> None:
    """Hard although 9 points are inside, easy although 1 is; what nobody hit does not count."""
    truth = truth_at(PLACES, [9, 1, 0, 9, 1], CLASSES, frames)
    truth = truth.replace(visibility=[-2, -1, -2, 0, 4])
    assert truth.difficulty.tolist() == [2, 1, 2, 0, 0]
    _, truths = from_tables(as_boxes(truth, [1] * 5), truth, frames, WAYMO)
    assert truths.level.tolist() == [2, 1, 1, 2]


def test_boxes_are_turned_into_the_vehicles_frame(frames: Frames) -> None:
    truth = truth_at(PLACES, [9] * 5, CLASSES, frames)
    _, truths = from_tables(as_boxes(truth, [1] * 5), truth, frames, WAYMO)
    assert_allclose(truths.boxes.center_m, PLACES, atol=1e-6)
    assert_allclose(truths.boxes.yaw_rad, 0.3 - 2.0, atol=0.01)


def test_vehicles_must_overlap_by_more() -> None:
    assert_allclose(least_iou(WAYMO), [0.7, 0.5, 0.5])


def test_frames_may_come_a_few_at_a_time() -> None:
    """Sums of heading accuracies are those of one go to the last bit, whatever the parts."""
    both = from_objects(*random_submission(3, 12, 25, 20))
    least = np.array([0.7, 0.5, 0.5, 0.5], np.float32)
    at_once = WaymoCounts.none(4).plus(*both, least)
    parts = WaymoCounts.none(4)
    for first, end in ((0, 1), (1, 7), (7, 7), (7, 12)):
        of_part = [rows[(rows.frame >= first) & (rows.frame < end)] for rows in both]
        parts = parts.plus(*of_part, least)
    for one, other in ((at_once.by_class, parts.by_class), (at_once.by_range, parts.by_range)):
        for name in ("found", "false", "missed", "heading", "truths"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name), name)
        assert one.heading.sum() > 0


def test_drives_are_added_up_in_the_order_of_the_tool() -> None:
    """As text: `a1_0` is before `a_0`."""
    frames = Frames.from_columns(
        sample_token=["p", "q", "r"],
        scene_name=["a", "a1", "a"],
        timestamp_us=[0, 0, 1],
        split=["val"] * 3,
        location=[""] * 3,
        global_SE3_ego=[[1, 0, 0, 0, 0, 0, 0]] * 3,
    )
    assert drives(frames) == ["a1", "a"]


def test_figures_of_tables(frames: Frames, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    truth = truth_at(PLACES, [9, 9, 2, 9, 2], CLASSES, frames)
    truth.write(layout.GROUND_TRUTH / "drive.parquet")
    boxes = as_boxes(truth, [0.9, 0.8, 0.7, 0.6, 0.5])[[0, 1, 2]]
    boxes.write(Path("data/guesses/drive.parquet"))
    scores = WaymoScorer(WAYMO).score(Path("data/guesses"), frames)
    assert tuple(scores.headline) == HEADLINES
    vehicle = scores.per_class["vehicle"]
    assert vehicle["AP_L1"] == vehicle["APH_L1"] == 0.5
    assert vehicle["AP_L2"] == 0.3333
    assert vehicle["AP_L2_0_30m"] == 0.3333
    assert vehicle["AP_L1_30_50m"] is None
    assert scores.per_class["cyclist"]["AP_L1"] is None
    assert scores.per_class["cyclist"]["AP_L2_50m"] == 1
    assert scores.headline["mAP_L2"] == round((1 / 3 + 1 + 1) / 3, 4)
    assert scores.headline["mAPH_L1"] == 0.8333  # the cyclist is found, at level 1 too


def test_annotated_levels_of_files_come_before_points() -> None:
    predicted, true = random_submission(0, 4, 20, 5)
    _, truths = from_objects(predicted, true)
    counted = true[true.num_lidar_points > 0]
    hard = counted.difficulty == 2
    hard |= (counted.difficulty == 0) & (counted.num_lidar_points <= 5)
    assert ((truths.level == 2) == hard).all()
    assert len(truths) < len(true)


def test_frames_of_files_are_told_apart_drives_camera_and_time() -> None:
    _, true = random_submission(0, 1, 6, 0)
    true = true.replace(
        context_name=["b", "a", "a", "a", "a", "a1"],
        camera=[0, 1, 0, 0, 0, 0],
        timestamp_us=[0, 0, 5, 3, 5, 9],
        num_lidar_points=[1] * 6,
    )
    _, truths = from_objects(true[:0], true)
    assert truths.frame.tolist() == [4, 3, 2, 1, 2, 0]  # "a1_0" is before "a_0", as text


@pytest.mark.parametrize(("frames_", "objects"), [(0, 0), (1, 0), (0, 3)])
def test_empty_files(frames_: int, objects: int, tmp_path: Path) -> None:
    found = named(score_objects(*random_submission(0, frames_, objects, 0)))
    assert len(found) == 32
    assert set(found.values()) == {(0.0, 0.0)}


def test_golden_figures(tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [tmp_path / "predictions.bin", tmp_path / "ground_truth.bin"]
    for path, things in zip(paths, random_submission(7, 12, 25, 20), strict=True):
        write_objects(path, things)
    monkeypatch.setattr("sys.argv", ["files", *map(str, paths)])
    main()
    lines = dict(line.split(": ") for line in capsys.readouterr().out.splitlines())
    assert set(lines) == set(GOLDEN)
    for name, (ap, aph) in GOLDEN.items():
        assert lines[name] == f"[mAP {ap:.6g}] [mAPH {aph:.6g}]"


def test_a_file_that_is_none_ends_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken.bin").write_bytes(b"\x0a\x05")
    monkeypatch.setattr("sys.argv", ["files", *[str(tmp_path / "broken.bin")] * 2])
    with pytest.raises(InputError, match=r"broken\.bin: object 0: it is cut off; write it anew"):
        main()


def test_files_as_the_naive_reference() -> None:
    predicted, true = random_submission(7, 12, 25, 20)
    boxes, truths = from_objects(predicted, true)
    expected = naive_scores(boxes, predicted.score, truths, [0.7, 0.5, 0.5, 0.5])
    found = named(score_objects(predicted, true))
    assert_allclose(list(found.values()), list(expected.values()), atol=1e-6)
