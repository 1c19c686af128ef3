import json
from pathlib import Path

import numpy as np
import pytest

from cm3d.datasets.nuscenes.lanes import index_lanes
from cm3d.datasets.nuscenes.maps import map_path, read_map
from cm3d.errors import InputError


def straight(x: float, y: float, yaw_rad: float, length_m: float) -> dict[str, object]:
    """An arcline piece without curvature."""
    end = [x + length_m * np.cos(yaw_rad), y + length_m * np.sin(yaw_rad), yaw_rad]
    return {
        "start_pose": [x, y, yaw_rad],
        "end_pose": end,
        "shape": "LSR",
        "radius": 999.999,
        "segment_length": [0.0, length_m, 0.0],
    }


def write_map(root: Path, content: object) -> None:
    path = root / map_path("town")
    path.parent.mkdir(parents=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))


def test_points_follow_the_lane(tmp_path: Path) -> None:
    paths = {"a": [straight(1, 2, 0.0, 3.0)], "b": [straight(0, 0, np.pi / 2, 1.0)], "c": []}
    write_map(
        tmp_path,
        {
            "lane": [{"token": "a"}, {"token": "c"}, {"token": "without path"}],
            "lane_connector": [{"token": "b"}],
            "arcline_path_3": paths,
        },
    )
    lanes = index_lanes(read_map(tmp_path, "town"), step_m=1.0)
    assert lanes.lane_token.tolist() == ["a"] * 4 + ["b"] * 2
    assert lanes.kind.tolist() == ["lane"] * 4 + ["lane_connector"] * 2
    assert lanes.point_index.tolist() == [0, 1, 2, 3, 0, 1]
    expected = [[1, 2], [2, 2], [3, 2], [4, 2], [0, 0], [0, 1]]
    np.testing.assert_allclose(lanes.position_m, expected, atol=1e-9)
    np.testing.assert_allclose(lanes.yaw_rad, [0] * 4 + [np.pi / 2] * 2, atol=1e-9)


def test_the_step_is_an_upper_bound(tmp_path: Path) -> None:
    write_map(
        tmp_path,
        {
            "lane": [],
            "lane_connector": [{"token": "a"}],
            "arcline_path_3": {"a": [straight(0, 0, 0.3, 7.3)]},
        },
    )
    position_m = index_lanes(read_map(tmp_path, "town"), step_m=0.5).position_m
    assert np.linalg.norm(np.diff(position_m, axis=0), axis=1).max() <= 0.5


def test_no_map_gives_no_lanes(tmp_path: Path) -> None:
    assert len(index_lanes(read_map(tmp_path, "town"), 0.5)) == 0


@pytest.mark.parametrize("content", ["{", "[]", '{"lane": []}', '{"arcline_path_3": {}}'])
def test_bad_maps_are_named(tmp_path: Path, content: str) -> None:
    write_map(tmp_path, content)
    with pytest.raises(InputError, match=r"town\.json: (no map expansion|not valid JSON)"):
        index_lanes(read_map(tmp_path, "town"), 0.5)


@pytest.mark.real
def test_real_map(real_keyframe: Path) -> None:
    lanes = index_lanes(read_map(real_keyframe, "singapore-onenorth"), 0.5)
    assert set(lanes.kind) == {"lane", "lane_connector"}
    assert 400 < len(set(lanes.lane_token)) <= 213 + 247
    first = lanes[lanes.lane_token == lanes.lane_token[0]]
    step_m = np.diff(first.position_m, axis=0)
    moving = np.linalg.norm(step_m, axis=1) > 1e-6
    heading_rad = np.arctan2(step_m[moving, 1], step_m[moving, 0])
    turn = np.exp(1j * (heading_rad - first.yaw_rad[:-1][moving]))
    assert np.abs(np.angle(turn)).max() < 0.2
