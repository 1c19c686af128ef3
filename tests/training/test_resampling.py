from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from cm3d.tables import Boxes3D, Sweeps
from cm3d.training.frames import TrainingFrame
from cm3d.training.labels import class_balanced

CLASSES = ["car", "bus", "pedestrian", "barrier"]


@pytest.fixture
def frame(make_boxes: Callable[..., Boxes3D]) -> Callable[..., TrainingFrame]:
    def make(token: str, *names: str) -> TrainingFrame:
        boxes = make_boxes(token, *((name, 0.0, 0.0, 0.0) for name in names))
        return TrainingFrame(token, Sweeps.empty(), boxes)

    return make


def _tokens(frames: list[TrainingFrame]) -> Counter[str]:
    return Counter(frame.sample_token for frame in frames)


def test_each_class_draws_its_share_by_hand(frame) -> None:
    # eight frames with cars, three of them with pedestrians, and one with a bus: 12 pairs of a
    # frame and one of 3 classes, so 4 draws each, and the only bus is drawn 4 times
    frames = [frame(f"c{n}", "car", "car") for n in range(5)]
    frames += [frame(f"p{n}", "car", "pedestrian") for n in range(3)]
    frames += [frame("b", "bus", "tram"), frame("empty")]
    drawn = class_balanced(frames, CLASSES, np.random.default_rng(0))
    assert len(drawn) == 12
    assert _tokens(drawn)["b"] == 4
    assert _tokens(drawn)["empty"] == 0
    assert all("car" in found.boxes.class_name for found in drawn[:4])
    assert all("pedestrian" in found.boxes.class_name for found in drawn[8:])


def test_ignored_boxes_are_no_occurrence(frame) -> None:
    # the bus is doubtful: cars alone occur, in one frame of two
    both = frame("b", "car", "bus")
    doubtful = replace(both, boxes=both.boxes.replace(score=[1.0, 0.0]))
    none = frame("n", "bus")
    none = replace(none, boxes=none.boxes.replace(score=[0.0]))
    drawn = class_balanced([doubtful, none], CLASSES, np.random.default_rng(0))
    assert [found.sample_token for found in drawn] == ["b"]


def test_draws_are_uniform_within_a_class_and_follow_the_generator(frame) -> None:
    frames = [frame(f"c{n}", "car") for n in range(4)] * 250
    drawn = class_balanced(frames, CLASSES, np.random.default_rng(1))
    assert len(drawn) == 1000
    assert all(200 < count < 300 for count in _tokens(drawn).values())
    again = class_balanced(frames, CLASSES, np.random.default_rng(1))
    assert [a is b for a, b in zip(drawn, again, strict=True)] == [True] * 1000
    other = class_balanced(frames, CLASSES, np.random.default_rng(2))
    assert [f.sample_token for f in other] != [f.sample_token for f in drawn]


def test_nothing_to_draw_from(frame) -> None:
    rng = np.random.default_rng(0)
    assert class_balanced([], CLASSES, rng) == []
    assert class_balanced([frame("a"), frame("b", "tram")], CLASSES, rng) == []
