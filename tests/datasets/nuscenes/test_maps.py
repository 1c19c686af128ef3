"""The file of a map: read once for all that is made of it."""

import json
from pathlib import Path

import pytest

from cm3d.datasets.nuscenes import NuScenes, maps
from cm3d.datasets.nuscenes.maps import map_path
from cm3d.taxonomy import Taxonomy

PIECE = {
    "start_pose": [0.0, 0.0, 0.0],
    "shape": "LSR",
    "radius": 9.0,
    "segment_length": [0.0, 3.0, 0.0],
}
TOWN = {
    "lane": [{"token": "a"}],
    "lane_connector": [],
    "arcline_path_3": {"a": [PIECE]},
    "node": [{"token": t, "x": x, "y": 0} for t, x in (("n", 0), ("m", 5))],
    "line": [{"token": "l", "node_tokens": ["n", "m"]}],
    "road_divider": [{"token": "r", "line_token": "l"}],
}


def test_lanes_and_areas_are_made_of_one_reading(
    tmp_path: Path, taxonomy: Taxonomy, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, opened = maps.read_json, list[Path]()

    def read_json(path: Path, remedy: str) -> object:
        opened.append(path)
        return read(path, remedy)

    monkeypatch.setattr(maps, "read_json", read_json)
    paths = [tmp_path / map_path(location) for location in ("east", "west")]
    for path, length_m in zip(paths, (3.0, 5.0), strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        pieces = [PIECE | {"segment_length": [0.0, length_m, 0.0]}]
        path.write_text(json.dumps(TOWN | {"arcline_path_3": {"a": pieces}}))
    dataset = NuScenes(tmp_path, "v1.0-mini", 2, taxonomy)
    for location, points in (("east", 4), ("west", 6), ("nowhere", 0)):
        assert len(dataset.lanes(location, 1.0)) == points
        assert len(dataset.map_areas(location)) == (2 if points else 0)
    assert opened == paths
