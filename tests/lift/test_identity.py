from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cm3d.lift.identity import one_object, parts_of_others
from cm3d.lift.lanes import Headings
from cm3d.lift.objects import Objects
from tests.lift.known import CHATGPT
from tests.lift.made import made

CAR_M, TRUCK_M = 4.5, 8.0


def objects(*names: str) -> Objects:
    known = CHATGPT.known(np.array(names, dtype=object))
    count = len(names)
    return made(
        known=known,
        score=np.full(count, 0.5),
        center_m=np.zeros((count, 3)),
        size=known.size,
        headings=Headings(np.zeros(count), np.full(count, np.inf)),
    )


def parts(shared: Any, reach_m: Any, *names: str, score: list[float] | None = None) -> list[bool]:
    found = objects(*names)
    if score is not None:
        found = found.scored(mask=np.array(score))
    return list(parts_of_others(np.array(shared, float), np.array(reach_m, float), found).tolist())


@pytest.mark.parametrize(
    ("common", "expected"),
    [(18, [True, False]), (15, [True, False]), (14, [False, False])],  # 80 % of 18 are 14.4
)
def test_windscreen_is_a_part_of_its_car(common: int, expected: list[bool]) -> None:
    assert parts([[18, common], [common, 366]], [1.0, 4.0], "car", "car") == expected


def test_classes_apart_are_no_parts() -> None:
    assert parts([[18, 18], [18, 366]], [1.0, 4.0], "truck", "car") == [False, False]


def test_of_two_that_have_the_same_points_the_better_stays() -> None:
    """176 of 180 points: a mask over two cars whose largest cluster is one of them."""
    shared = [[176, 176], [176, 180]]
    assert parts(shared, [4, 4], "car", "car", score=[0.5, 0.4]) == [False, True]
    assert parts(shared, [4, 4], "car", "car", score=[0.4, 0.5]) == [True, False]
    # Below 0.8 of the points of the whole it is a part, whatever the scores.
    shared = [[79, 79], [79, 100]]
    assert parts(shared, [4, 4], "car", "car", score=[0.9, 0.1]) == [True, False]


def test_of_a_ring_one_stays() -> None:
    """The first and third, the first and second are twice the same; the second is the third's."""
    shared = [[100, 85, 85], [85, 85, 69], [85, 69, 105]]
    found = parts(shared, [4, 4, 4], *["car"] * 3, score=[0.5, 0.9, 0.1])
    assert found == [False, True, True]


def test_what_reaches_over_two_cars_is_no_whole() -> None:
    """A third mask has the points of two cars and reaches over more than 1.5 of their lengths."""
    shared = [[50, 0, 50], [0, 60, 60], [50, 60, 110]]
    length_m = CHATGPT.known(np.array(["car"], dtype=object)).size.length_m[0]
    assert parts(shared, [4, 4, 1.5 * length_m + 0.1], *["car"] * 3) == [False, False, False]
    assert parts(shared, [4, 4, 1.5 * length_m - 0.1], *["car"] * 3) == [True, True, False]


@pytest.mark.parametrize("seed", range(3))
def test_order_of_rows_does_not_matter(seed: int) -> None:
    random = np.random.default_rng(seed)
    has = (random.random((12, 40)) < random.uniform(0.1, 0.9, (12, 1))).astype(float)
    names = random.choice(["car", "truck", "bus"], 12).tolist()
    reach_m, rank = random.uniform(1, 9, 12), random.random(12)
    order = random.permutation(12)
    here = np.array(parts(has @ has.T, reach_m, *names))
    there = parts((has @ has.T)[order][:, order], reach_m[order], *[names[i] for i in order])
    assert here[order].tolist() == there
    group, index = np.zeros(12), objects(*names).known.class_index
    heads = one_object(has @ has.T, group, index, rank)
    moved = one_object((has @ has.T)[order][:, order], group, index[order], rank[order])
    assert order[moved].tolist() == heads[order].tolist()


@pytest.fixture
def heads() -> Callable[..., list[int]]:
    """Of a car, a truck and a bus, in one group unless told otherwise."""

    def run(
        shared: Any, rank: list[float], group: Any = (0, 0, 0), classes: Any = (0, 1, 3)
    ) -> Any:
        count = len(rank)
        found = one_object(
            np.array(shared, float).reshape(count, count),
            np.array(group[:count]),
            np.array(classes[:count]),
            np.array(rank, float),
        )
        return found.tolist()

    return run


def test_classes_around_the_same_points_are_one(heads: Callable[..., list[int]]) -> None:
    shared = [[40, 20, 0], [20, 90, 3], [0, 3, 10]]
    assert heads(shared, [0.4, 0.7, 0.9]) == [1, 1, 2]  # 20 of 40 are half, 3 of 10 are not
    assert heads(shared, [0.8, 0.7, 0.9]) == [0, 0, 2]
    assert heads([[40, 19], [19, 90]], [0.4, 0.7]) == [0, 1]


def test_one_class_and_other_groups_are_apart(heads: Callable[..., list[int]]) -> None:
    shared = [[40, 40], [40, 90]]
    assert heads(shared, [0.4, 0.7], classes=(0, 0)) == [0, 1]
    assert heads(shared, [0.4, 0.7], group=(0, 1)) == [0, 1]


def test_whoever_has_two_heads_is_of_the_better(heads: Callable[..., list[int]]) -> None:
    shared = [[40, 20, 20], [20, 90, 0], [20, 0, 90]]
    assert heads(shared, [0.1, 0.7, 0.9]) == [2, 1, 2]
    assert heads(shared, [0.1, 0.9, 0.7]) == [1, 1, 2]


def test_no_objects(heads: Callable[..., list[int]]) -> None:
    assert heads(np.empty((0, 0)), []) == []
    assert parts(np.empty((0, 0)), []) == []
