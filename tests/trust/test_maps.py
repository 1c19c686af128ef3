"""Map expansions that somebody broke."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cm3d.datasets.nuscenes.lanes import index_lanes
from cm3d.datasets.nuscenes.maps import map_path, read_map
from tests.trust.refusal import content_of, refuses

NAN, INF = float("nan"), float("inf")


def arcline(**fields: object) -> dict[str, object]:
    """A straight piece of 3 m."""
    sound = {
        "start_pose": [1.0, 2.0, 0.0],
        "end_pose": [4.0, 2.0, 0.0],
        "shape": "LSR",
        "radius": 999.999,
        "segment_length": [0.0, 3.0, 0.0],
    }
    return sound | fields


def town(*arclines: object, **layers: object) -> dict[str, Any]:
    """A map of one lane and one connector."""
    paths: dict[str, object] = {"a": list(arclines or [arcline()]), "b": []}
    sound = {"lane": [{"token": "a"}], "lane_connector": [{"token": "b"}], "arcline_path_3": paths}
    return sound | layers


def without(name: str) -> dict[str, object]:
    piece = arcline()
    del piece[name]
    return piece


def write(root: Path, content: object) -> Path:
    path = root / map_path("town")
    path.parent.mkdir(parents=True)
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(json.dumps(content))
    return path


# what is broken, the file, words of the message
CASES: list[tuple[str, object, tuple[str, ...]]] = [
    ("NaN in a pose", town(arcline(start_pose=[NAN, 0, 0])), ("lane 'a'", "start_pose", "nan")),
    ("an infinite pose", town(arcline(start_pose=[0, INF, 0])), ("lane 'a'", "start_pose")),
    ("a pose on the moon", town(arcline(start_pose=[3.8e8, 0, 0])), ("lane 'a'", "start_pose")),
    ("a short pose", town(arcline(start_pose=[0, 0])), ("lane 'a'", "start_pose", "[0, 0]")),
    ("a pose of words", town(arcline(start_pose=["0", "0", "0"])), ("lane 'a'", "start_pose")),
    ("a pose of null", town(arcline(start_pose=None)), ("lane 'a'", "start_pose", "None")),
    ("no pose", town(without("start_pose")), ("lane 'a'", "start_pose")),
    ("a negative radius", town(arcline(radius=-5.0)), ("lane 'a'", "radius is -5.0")),
    ("a radius of zero", town(arcline(radius=0)), ("lane 'a'", "radius is 0")),
    ("a tiny radius", town(arcline(radius=1e-300)), ("lane 'a'", "radius is 1e-300")),
    ("a radius of NaN", town(arcline(radius=NAN)), ("lane 'a'", "radius is nan")),
    ("a radius of words", town(arcline(radius="5")), ("lane 'a'", "radius is '5'")),
    ("a radius of 400 digits", town(arcline(radius=int("9" * 400))), ("lane 'a'", "radius")),
    ("a true radius", town(arcline(radius=True)), ("lane 'a'", "radius is True")),
    ("no radius", town(without("radius")), ("lane 'a'", "radius")),
    ("a shape of words", town(arcline(shape="round")), ("lane 'a'", "shape is 'round'")),
    ("a shape that is none", town(arcline(shape=None)), ("lane 'a'", "shape is None")),
    ("short lengths", town(arcline(segment_length=[1, 2])), ("lane 'a'", "segment_length")),
    ("negative length", town(arcline(segment_length=[0, -3, 0])), ("lane 'a'", "segment_length")),
    ("NaN lengths", town(arcline(segment_length=[0, NAN, 0])), ("lane 'a'", "segment_length")),
    ("a length of words", town(arcline(segment_length=[0, "3", 0])), ("segment_length",)),
    ("never ends", town(arcline(segment_length=[0, 9e5, 0])), ("lane 'a'", "lane_step_m")),
    ("lengths to infinity", town(arcline(segment_length=[0, 1e300, 0])), ("segment_length",)),
    ("many long pieces", town(*[arcline(segment_length=[0, 9e3, 0])] * 9), ("lane 'a'", "never")),
    ("the second piece", town(arcline(), arcline(radius=-1)), ("lane 'a'", "radius is -1")),
    ("an arcline of numbers", town(7), ("lane 'a'", "no list of arclines")),
    ("a path of numbers", town(arcline_path_3={"a": 7}), ("lane 'a'", "no list of arclines")),
    ("a path of null", town(arcline_path_3={"a": None}), ("lane 'a'", "no list of arclines")),
    ("paths as a list", town(arcline_path_3=[]), ("arcline_path_3 is no object",)),
    ("lanes of numbers", town(lane=[7]), ("lane 0 has no token",)),
    ("lanes as an object", town(lane={"token": "a"}), ("lane is no list",)),
    ("lanes of null", town(lane=None), ("lane is no list",)),
    ("a token of null", town(lane=[{"token": None}]), ("lane 0 has no token",)),
    ("a token of a list", town(lane=[{"token": []}]), ("lane 0 has no token",)),
    ("an empty token", town(lane=[{"token": ""}]), ("lane 0 has no token",)),
    ("a token twice", town(lane=[{"token": "a"}] * 2), ("lane 'a' stands there 2 times",)),
    ("no connectors", {"lane": [], "arcline_path_3": {}}, ("no map expansion",)),
    ("a list", [], ("no map expansion",)),
    ("empty", b"", ("not valid JSON",)),
    ("cut", json.dumps(town()).encode()[:90], ("not valid JSON",)),
    ("not UTF-8", b'{"lane": "\xff"}', ("not valid JSON",)),
    ("nests too deep", b"[" * 100_000, ("not valid JSON", "deep")),
    ("5000 digits", b"9" * 5000, ("not valid JSON",)),
    ("a key twice", b'{"lane": [], "lane": []}', ("not valid JSON", "'lane' stands twice")),
]


@pytest.mark.parametrize(
    ("content", "words"), [row[1:] for row in CASES], ids=[row[0] for row in CASES]
)
def test_refused(content: object, words: tuple[str, ...], tmp_path: Path) -> None:
    path = write(tmp_path, content)
    before = content_of(tmp_path)
    refuses(
        lambda: index_lanes(read_map(tmp_path, "town"), 0.5), str(path), "fetch it again", *words
    )
    assert content_of(tmp_path) == before


def _with_mark(content: str) -> bytes:
    return b"\xef\xbb\xbf" + content.encode()


@pytest.mark.parametrize(
    "encode",
    [str.encode, _with_mark, lambda content: content.replace(", ", ",\r\n").encode()],
    ids=["plain", "a byte-order mark", "CRLF"],
)
def test_passes(encode: Callable[[str], bytes], tmp_path: Path) -> None:
    whole = town(arcline(start_pose=[0, 0, 0], radius=7), lane=[{"token": "a", "more": {"x": 1}}])
    write(tmp_path, encode(json.dumps(whole)))
    assert len(index_lanes(read_map(tmp_path, "town"), 0.5)) == 7
