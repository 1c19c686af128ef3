"""What is broken in a folder of PandaSet ends in one line, and no sweep of it is written."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cm3d.datasets.pandaset import open_dataset
from cm3d.params import Params, load_params
from cm3d.taxonomy import Taxonomy, load_taxonomy
from stages.download import check_scene
from tests.conftest import PROJECT
from tests.datasets.pandaset.native import (
    CAMERAS,
    POINTS,
    boxes_at,
    write_frame,
    write_json,
    write_sequence,
)
from tests.trust.refusal import content_of, refuses

Break = Callable[[Path], object]

POSES, TIMES = "lidar/poses.json", "lidar/timestamps.json"
FRONT = f"camera/{CAMERAS[1]}"
SWEEP, BOXES = "lidar/01.pkl.gz", "annotations/cuboids/00.pkl.gz"


def edited(name: str, change: Callable[[Any], Any]) -> Break:
    """A JSON file whose content is passed through a function."""

    def change_file(folder: Path) -> None:
        content = json.loads((folder / name).read_text())
        write_json(folder / name, change(content))

    return change_file


def with_item(number: int, value: Any) -> Callable[[list[Any]], list[Any]]:
    return lambda items: [value if i == number else item for i, item in enumerate(items)]


def removed(name: str) -> Break:
    return lambda folder: (folder / name).unlink()


def text(name: str, content: str) -> Break:
    return lambda folder: (folder / name).write_text(content)


def points(**columns: Any) -> Break:
    return lambda folder: write_frame(folder / SWEEP, POINTS.assign(**columns))


def boxes(**columns: Any) -> Break:
    frame = pd.DataFrame(boxes_at(0))
    return lambda folder: write_frame(folder / BOXES, frame.assign(**columns))


def without(name: str, frame: pd.DataFrame, column: str) -> Break:
    return lambda folder: write_frame(folder / name, frame.drop(columns=column))


def pose(**changes: Any) -> dict[str, Any]:
    """The pose of a file, of which something is another."""
    still = {"w": 1.0, "x": 0.0, "y": 0.0, "z": 0.0}
    return {"position": {"x": 0.0, "y": 0.0, "z": 0.0}, "heading": still} | changes


# Name: what is broken, and words of the line.
CASES: dict[str, tuple[Break, tuple[str, ...]]] = {
    "no poses": (removed(POSES), (POSES, "missing")),
    "poses are no JSON": (text(POSES, "[{"), (POSES, "not valid JSON")),
    "poses are a mapping": (edited(POSES, lambda p: {"a": p}), (POSES, "list")),
    "fewer poses": (edited(POSES, lambda p: p[:-1]), (POSES, "1 poses for 2 sweeps")),
    "more times": (edited(TIMES, lambda t: [*t, t[-1] + 1]), (TIMES, "3 times for 2 sweeps")),
    "no heading": (
        edited(POSES, with_item(1, {"position": {"x": 0.0, "y": 0.0, "z": 0.0}})),
        (POSES, "1.heading"),
    ),
    "heading of length 2": (
        edited(POSES, with_item(1, pose(heading={"w": 2.0, "x": 0, "y": 0, "z": 0}))),
        (POSES, "1.heading", "unit quaternion"),
    ),
    "position that is NaN": (
        edited(POSES, with_item(0, pose(position={"x": np.nan, "y": 0.0, "z": 0.0}))),
        (POSES, "0.position.x", "finite"),
    ),
    "position that is a text": (
        edited(POSES, with_item(0, pose(position={"x": "1", "y": 0.0, "z": 0.0}))),
        (POSES, "0.position.x", "number"),
    ),
    "time that is a text": (edited(TIMES, with_item(1, "now")), (TIMES, "1: ")),
    "time before 1970": (edited(TIMES, with_item(1, -1.0)), (TIMES, "1: -1", "1970")),
    "times in microseconds": (
        edited(TIMES, lambda times: [time * 1e6 for time in times]),
        (TIMES, "0: 1.55754e+15 is no second since 1970"),
    ),
    "times run backwards": (
        edited(TIMES, lambda times: times[::-1]),
        ("001", "timestamp is not after"),
    ),
    "jump of the car": (
        edited(POSES, with_item(0, pose(position={"x": 900.0, "y": 0.0, "z": 0.0}))),
        ("001", "pose is"),
    ),
    "first sweep missing": (removed("lidar/00.pkl.gz"), ("lidar", "00.pkl.gz missing")),
    "a sweep too many": (
        lambda folder: (folder / "lidar/3.pkl.gz").touch(),
        ("lidar", "02.pkl.gz missing"),
    ),
    "sweep cut short": (
        lambda folder: (folder / SWEEP).write_bytes((folder / SWEEP).read_bytes()[:-20]),
        (SWEEP, "cannot be unpacked"),
    ),
    "sweep without column d": (without(SWEEP, POINTS, "d"), (SWEEP, "no column d")),
    "NaN among points": (points(x=[0.0, np.nan, 1, 1]), (SWEEP, "row 1: x is nan")),
    "points of texts": (points(z=["a", "b", "c", "d"]), (SWEEP, "column z has no numbers")),
    "intensity of 16 bits": (points(i=[0.0, 1, 2, 65535]), (SWEEP, "row 3: i is 65535", "255")),
    "a third LiDAR": (points(d=[0, 0, 2, 0]), (SWEEP, "row 2: d is 2", "0 or 1")),
    "the forward LiDAR alone": (points(d=1), (SWEEP, "no point of the Pandar64")),
    "a file where sweeps belong": (
        lambda folder: (folder.parent / "cm3d").touch(),
        ("cm3d", "a file lies where a folder belongs"),
    ),
    "no camera": (
        lambda folder: (folder / "camera").rename(folder / "cameras"),
        ("camera", "no folder of a camera"),
    ),
    "no intrinsics": (removed(f"{FRONT}/intrinsics.json"), (FRONT, "missing")),
    "intrinsics without fx": (
        edited(f"{FRONT}/intrinsics.json", lambda inner: {"fy": 1.0, "cx": 0.0, "cy": 0.0}),
        (FRONT, "fx: Field required"),
    ),
    "image that is none": (text(f"{FRONT}/00.jpg", "jpg"), (FRONT, "00.jpg", "not a readable")),
    "images of another drive": (
        edited(f"{FRONT}/timestamps.json", lambda times: [time + 60 for time in times]),
        (FRONT, "time 0 is 59.95 s from"),
    ),
    "boxes of the last sweep missing": (
        removed("annotations/cuboids/01.pkl.gz"),
        ("annotations/cuboids", "01.pkl.gz missing"),
    ),
    "boxes without label": (
        without(BOXES, pd.DataFrame(boxes_at(0)), "label"),
        (BOXES, "no column label"),
    ),
    "box of NaN": (boxes(yaw=[0.0, 0, np.nan, 0]), (BOXES, "row 2: yaw is nan")),
    "box without side": (
        boxes(**{"dimensions.y": [4.0, 4.0, 0.0, 4.0]}),
        (BOXES, "row 2: dimensions are not above 0"),
    ),
    "label that is none": (boxes(label=["Car", "Car", None, "Car"]), (BOXES, "row 2: label is")),
    "object twice": (boxes(uuid="same"), (BOXES, "uuid 'same' stands 4 times")),
    "points for boxes": (
        lambda folder: write_frame(folder / BOXES, POINTS),
        (BOXES, "no column uuid"),
    ),
}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A sequence of two sweeps."""
    write_sequence(tmp_path / "pandaset/001", 2)
    monkeypatch.setenv("PANDASET_ROOT", str(tmp_path / "pandaset"))
    monkeypatch.chdir(PROJECT)
    return tmp_path / "pandaset"


def settings(**changes: Any) -> tuple[Params, Taxonomy]:
    params = load_params()
    wanted = {"name": "pandaset", "version": "10hz", "past_sweeps": 1} | changes
    update = {
        "dataset": params.dataset.model_copy(update=wanted),
        "execution": params.execution.model_copy(update={"engine": "serial"}),
    }
    return params.model_copy(update=update), load_taxonomy("pandaset")


def index(raw: Path) -> None:
    """As `download` does it."""
    data = open_dataset(*settings(), raw)
    check_scene("001", "train", data.scene("001"))


@pytest.mark.parametrize("name", CASES)
def test_refusals(name: str, root: Path, tmp_path: Path) -> None:
    break_it, words = CASES[name]
    break_it(root / "001")
    refuses(lambda: index(tmp_path / "raw"), *words)


def test_what_is_sound_passes(root: Path, tmp_path: Path) -> None:
    index(tmp_path / "raw")


def test_a_broken_sweep_leaves_the_sequence_unfinished(root: Path, tmp_path: Path) -> None:
    points(x=np.nan)(root / "001")
    refuses(lambda: index(tmp_path / "raw"), SWEEP)
    assert not any("converted" in name for name in content_of(root))
    assert not (tmp_path / "raw").exists()
    points()(root / "001")
    index(tmp_path / "raw")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"version": "v1.0-mini"}, ("dataset.version", "v1.0-mini", "2hz", "10hz")),
        ({"fetch": True}, ("dataset.fetch", "pandaset.org")),
        ({"root": "nowhere"}, ("nowhere", "PANDASET_ROOT", "dataset.root")),
    ],
)
def test_parameters(
    changes: dict[str, Any], words: tuple[str, ...], root: Path, tmp_path: Path
) -> None:
    refuses(lambda: open_dataset(*settings(**changes), tmp_path / "raw"), *words)


def test_a_folder_without_sequences(root: Path, tmp_path: Path) -> None:
    refuses(
        lambda: open_dataset(*settings(root=str(root / "001")), tmp_path / "raw"),
        "no sequence NAME/lidar/00.pkl.gz",
        "PANDASET_ROOT",
    )
