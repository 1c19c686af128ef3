"""What `stages.lift` reads, which recipe it takes, and what it says of maps without lanes."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cm3d.datasets.nuscenes import CARD
from cm3d.geometry.se3 import SE3
from cm3d.lift.lanes import LaneField
from cm3d.lift.paper import lift_frame
from cm3d.lift.refined import refined_scene
from cm3d.params import Lift, Orientation, load_params
from cm3d.sensors.card import Sensors
from cm3d.tables import Boxes3D, Cameras, Explanations, Frames, Lanes, Masks, Sweeps, layout
from cm3d.tables.table import columns_of
from stages.lift import (
    boxes_and_why,
    lift_scene,
    read_keyframes,
    read_scan,
    say_which_maps_have_no_lanes,
)
from tests.lift.known import CHATGPT

SCENE = "scene"
LIDAR_M = (0.5, 0.0, 1.0)


SENSORS = Sensors(layout.RAW, CARD.lidar)


@pytest.fixture
def params(project: Path) -> Lift:
    """The project's own."""
    return load_params(project / "params.yaml").lift


def with_knobs(params: Lift, **knobs: Any) -> Lift:
    return params.model_copy(update=knobs)


@pytest.fixture
def frames(
    tmp_path: Path,
    make_cameras: Callable[..., Cameras],
    make_masks: Callable[..., Masks],
    monkeypatch: pytest.MonkeyPatch,
) -> Frames:
    """Two keyframes of one scene on a map with a lane; masks of both in any order."""
    monkeypatch.chdir(tmp_path)
    file = f"{SCENE}.parquet"
    tokens = ["f0", "f1"]
    frames = Frames(
        sample_token=tokens,
        scene_name=[SCENE] * 2,
        timestamp_us=[0, 500_000],
        split=["train"] * 2,
        location=["town"] * 2,
        global_SE3_ego=[[1, 0, 0, 0, 0, 0, 0], [1, 0, 0, 0, 1, 2, 0]],
    )
    frames.write(layout.FRAMES / file)
    cameras = [make_cameras("front").replace(sample_token=[t], camera_token=[t]) for t in tokens]
    Cameras.concatenate(cameras).write(layout.CAMERAS / file)
    Lanes(["lane"], [0], ["lane"], [[20, 0]], [0.3]).write(layout.LANES / "town.parquet")
    whole = [np.ones((10, 20))] * 4
    masks = make_masks(whole, sample_token=["f1", "f0"] * 2, camera_token=["f1", "f0"] * 2)
    masks.replace(detection_id=[3, 2, 1, 0]).write(layout.MASKS / file)
    random = np.random.default_rng(0)
    for step in range(3):
        sweep = random.uniform([10, -3, -1, 0, 0], [30, 3, 1, 0, 0], (50, 5)).astype(np.float32)
        layout.RAW.mkdir(parents=True, exist_ok=True)
        sweep.tofile(layout.RAW / f"sweep{step}.bin")
    Sweeps(
        sample_token=["f0", "f1", "f1"],
        sweep_index=[0, 1, 0],
        path=["sweep0.bin", "sweep1.bin", "sweep2.bin"],
        time_lag_s=[0, 0.05, 0],
        global_SE3_lidar=[[1, 0, 0, 0, *LIDAR_M]] * 2 + [[1, 0, 0, 0, 1, 2, 1]],
    ).write(layout.SWEEPS / file)
    return frames


def assert_same(one: Boxes3D, other: Boxes3D) -> None:
    for name in columns_of(Boxes3D):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name


def test_each_keyframe_has_what_is_its_own(frames: Frames, params: Lift) -> None:
    first, second = read_keyframes(SCENE, frames, SENSORS, params)
    assert (first.sample_token, second.sample_token) == ("f0", "f1")
    assert first.cameras.camera_token.tolist() == ["f0"]
    assert first.masks.detection_id.tolist() == [0, 2]  # sorted: ties of NMS fall by it
    assert second.masks.detection_id.tolist() == [1, 3]
    assert (len(first.scan.points_m), len(second.scan.points_m)) == (50, 100)
    assert (len(first.scan.newest()), len(second.scan.newest())) == (50, 50)
    assert first.scan.sensor_m.tolist() == list(LIDAR_M)
    assert second.scan.sensor_m.tolist() == [1, 2, 1]
    assert second.ego_xy_m.tolist() == [1, 2]
    assert isinstance(first.lanes, LaneField)


def test_a_scan_knows_where_its_sensor_heads(frames: Frames, params: Lift) -> None:
    sweeps = Sweeps.read(layout.SWEEPS / f"{SCENE}.parquet")
    turned = SE3.from_yaw(0.6, np.array([4.0, 5.0, 6.0])).as_pose()
    sweeps = sweeps[sweeps.sample_token == "f0"].replace(global_SE3_lidar=turned[None])
    scan = read_scan(sweeps, SENSORS, params)
    assert scan.sensor_yaw_rad == pytest.approx(0.6)
    assert scan.sensor_m.tolist() == [4, 5, 6]


def test_sweeps_are_as_many_as_wanted(frames: Frames, params: Lift) -> None:
    _, second = read_keyframes(SCENE, frames, SENSORS, with_knobs(params, sweeps=1))
    assert len(second.scan.points_m) == len(second.scan.newest()) == 50


def test_recipe_is_a_knob(frames: Frames, params: Lift) -> None:
    keyframes = list(read_keyframes(SCENE, frames, SENSORS, params))
    paper = Boxes3D.concatenate(lift_frame(each, CHATGPT, params).boxes for each in keyframes)
    assert len(paper) == 2
    lifted = lift_scene(SCENE, CHATGPT, SENSORS, with_knobs(params, recipe="paper")).boxes
    assert_same(lifted, paper)
    refined = refined_scene(keyframes, frames, CHATGPT, params).boxes
    lifted = lift_scene(SCENE, CHATGPT, SENSORS, with_knobs(params, recipe="refined")).boxes
    assert_same(lifted, refined)
    assert not np.array_equal(paper.center_m, refined.center_m)


@pytest.mark.parametrize("recipe", ["paper", "refined"])
def test_boxes_and_explanations_are_two_tables(
    frames: Frames, params: Lift, recipe: str, tmp_path: Path
) -> None:
    chosen = with_knobs(params, recipe=recipe)
    lift = partial(lift_scene, priors=CHATGPT, sensors=SENSORS, params=chosen)
    noted = boxes_and_why(lift, SCENE)
    assert_same(noted.table, lift(SCENE).boxes)
    (why,) = noted.beside
    why.write(tmp_path / "why.parquet")
    read = Explanations.read(tmp_path / "why.parquet")
    assert read.sample_token.tolist() == noted.table.sorted().sample_token.tolist()


@pytest.mark.parametrize("recipe", ["paper", "refined"])
def test_map_without_lanes(frames: Frames, params: Lift, recipe: str) -> None:
    Lanes.empty().write(layout.LANES / "town.parquet")
    boxes = lift_scene(SCENE, CHATGPT, SENSORS, with_knobs(params, recipe=recipe)).boxes
    assert set(boxes.class_name) == {"car"}
    assert np.isfinite(boxes.yaw_rad).all()
    if recipe == "paper":
        assert set(boxes.yaw_rad) == {0.0}


@pytest.mark.parametrize(
    ("recipe", "instead"),
    [("paper", "vehicles there: 0"), ("refined", "vehicles there: as fitted")],
)
def test_maps_without_lanes_are_told_once(
    frames: Frames,
    params: Lift,
    recipe: str,
    instead: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    chosen = with_knobs(params, recipe=recipe)
    say_which_maps_have_no_lanes(chosen)
    assert capsys.readouterr().out == ""
    for name in ("village", "hamlet"):
        Lanes.empty().write(layout.LANES / f"{name}.parquet")
    say_which_maps_have_no_lanes(chosen)
    (line,) = capsys.readouterr().out.splitlines()
    assert "no lanes for hamlet, village" in line
    assert line.endswith(instead)
    say_which_maps_have_no_lanes(with_knobs(chosen, orientation=Orientation(use_map=False)))
    assert capsys.readouterr().out == ""
