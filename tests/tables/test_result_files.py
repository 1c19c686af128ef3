import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from nuscenes.eval.common.data_classes import EvalBoxes
from nuscenes.eval.detection.data_classes import DetectionBox

from cm3d.errors import InputError
from cm3d.tables import Boxes3D, Frames
from cm3d.tables.result_files import encode, submission

Make = Callable[..., Any]


@pytest.fixture
def make_boxes() -> Make:
    """Cars of 4 x 2 x 1.5 m at the given x, y in frame `f`, with any column exchanged."""

    def make(xy_m: list[tuple[float, float]], **columns: Any) -> Boxes3D:
        count = len(xy_m)
        values = {
            "sample_token": ["f"] * count,
            "class_name": ["car"] * count,
            "score": np.ones(count),
            "center_m": [(*xy, 0.0) for xy in xy_m],
            "length_m": np.full(count, 4.0),
            "width_m": np.full(count, 2.0),
            "height_m": np.full(count, 1.5),
            "yaw_rad": np.zeros(count),
            "velocity_mps": np.zeros((count, 2)),
            "attribute_name": ["vehicle.parked"] * count,
        }
        return Boxes3D.from_columns(**values | columns)

    return make


@pytest.fixture
def make_frames() -> Make:
    """Frames of one scene."""

    def make(*tokens: str) -> Frames:
        count = len(tokens)
        return Frames.from_columns(
            sample_token=tokens,
            scene_name=["s"] * count,
            timestamp_us=np.arange(count),
            split=["val"] * count,
            location=[""] * count,
            global_SE3_ego=np.tile([1.0, 0, 0, 0, 0, 0, 0], (count, 1)),
        )

    return make


def test_a_box_is_written_as_nuscenes_has_it(make_boxes: Make, make_frames: Make) -> None:
    boxes = make_boxes(
        [(1, 2)], yaw_rad=[np.pi / 2], velocity_mps=[[np.nan, 3.0]], attribute_name=[""]
    )
    content = submission(boxes, make_frames("f"), use_camera=True, use_lidar=False, use_map=True)
    (box,) = content["results"]["f"]
    assert box.pop("rotation") == pytest.approx([np.sqrt(0.5), 0, 0, np.sqrt(0.5)])
    assert box == {
        "sample_token": "f",
        "translation": [1, 2, 0],
        "size": [2.0, 4.0, 1.5],
        "velocity": [0.0, 3.0],
        "detection_name": "car",
        "detection_score": 1.0,
        "attribute_name": "",
    }
    assert content["meta"] == {
        "use_camera": True,
        "use_lidar": False,
        "use_radar": False,
        "use_map": True,
        "use_external": False,
    }


def test_every_frame_has_an_entry_and_no_other(make_boxes: Make, make_frames: Make) -> None:
    boxes = make_boxes([(0, 0), (1, 0)], sample_token=["b", "x"])
    results = submission(boxes, make_frames("a", "b"), True, True, True)["results"]
    assert {token: len(rows) for token, rows in results.items()} == {"a": 0, "b": 1}


def test_the_best_500_are_written(make_boxes: Make, make_frames: Make) -> None:
    boxes = make_boxes([(0, 0)] * 501, score=np.arange(501) / 501)
    rows = submission(boxes, make_frames("f"), True, True, True)["results"]["f"]
    assert len(rows) == 500
    assert min(row["detection_score"] for row in rows) > 0


def test_the_devkit_reads_the_bytes(make_boxes: Make, make_frames: Make) -> None:
    content = submission(make_boxes([(1, 2), (3, 4)]), make_frames("f", "g"), True, True, True)
    assert encode(content) == encode(json.loads(encode(content)))
    boxes = EvalBoxes.deserialize(json.loads(encode(content))["results"], DetectionBox)
    assert [box.translation for box in boxes["f"]] == [(1, 2, 0), (3, 4, 0)]
    assert boxes.sample_tokens == ["f", "g"]


def test_a_broken_box_is_refused(make_boxes: Make, make_frames: Make) -> None:
    for name in ("score", "yaw_rad", "height_m"):
        boxes = make_boxes([(0, 0), (1, 1)], **{name: [1.0, np.inf]})
        with pytest.raises(InputError, match=f"box 1, of frame f: the {name} is not finite"):
            submission(boxes, make_frames("f"), True, True, True)
