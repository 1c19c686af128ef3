import numpy as np
import pytest

from cm3d.lift.fit.evidence import Evidence
from cm3d.lift.sightings import Sightings
from cm3d.tables import Boxes3D


def sightings(same_as: list[int], first: int) -> Sightings:
    """Boxes whose scores count up in hundredths."""
    count = len(same_as)
    number = np.arange(first, first + count, dtype=float)
    boxes = Boxes3D(
        sample_token=["f"] * count,
        class_name=["car"] * count,
        score=number / 100,
        center_m=np.zeros((count, 3)),
        length_m=np.ones(count),
        width_m=np.ones(count),
        height_m=np.ones(count),
        yaw_rad=np.zeros(count),
        velocity_mps=np.zeros((count, 2)),
        attribute_name=[""] * count,
    )
    evidence = Evidence(number, number, number, number)
    return Sightings(boxes, evidence, np.array(same_as, np.int64))


def test_stacked_each_row_keeps_its_object() -> None:
    parts = [sightings([1, 1, 2], 0), sightings([], 3), sightings([0, 0], 3)]
    stacked = Sightings.concatenate(iter(parts))
    assert stacked.same_as.tolist() == [1, 1, 2, 3, 3]
    assert (stacked.boxes.score * 100).tolist() == pytest.approx([0, 1, 2, 3, 4])
    assert stacked.evidence.front_weight.tolist() == [0, 1, 2, 3, 4]


def test_in_another_order_each_row_keeps_its_object() -> None:
    moved = sightings([1, 1, 2, 1], 0).reordered(np.array([3, 2, 0, 1]))
    assert (moved.boxes.score * 100).tolist() == pytest.approx([3, 2, 0, 1])
    assert moved.same_as.tolist() == [3, 1, 3, 3]
    assert moved.evidence.yaw_weight.tolist() == [3, 2, 0, 1]


def test_back_in_order_it_is_what_it_was() -> None:
    random = np.random.default_rng(0)
    found = sightings(random.integers(0, 20, 20).tolist(), 0)
    order = random.permutation(20)
    back = found.reordered(order).reordered(np.argsort(order))
    assert back.same_as.tolist() == found.same_as.tolist()
    assert back.boxes.score.tolist() == found.boxes.score.tolist()
