from collections.abc import Callable
from typing import Literal

import numpy as np
import pytest

from cm3d.fuse import fuse_frame
from cm3d.tables import Boxes3D
from cm3d.tables.table import columns_of

MakeBoxes = Callable[..., Boxes3D]


def assert_same(first: Boxes3D, second: Boxes3D) -> None:
    for name in columns_of(Boxes3D):
        assert np.array_equal(getattr(first, name), getattr(second, name)), name


def fuse(
    lifted: Boxes3D, proposals: Boxes3D, center: Literal["lifted", "surer"] = "lifted"
) -> Boxes3D:
    return fuse_frame(lifted, proposals, min_iou=0.2, temperature=2.0, center=center)


def proposal(make_boxes: MakeBoxes, score: float, yaw_rad: float = 0.0) -> Boxes3D:
    """A rectangle a little to the left of the origin, 5 m x 2.2 m x 1.7 m."""
    return make_boxes(
        [(0.3, 0.2)],
        class_name=["object"],
        score=[score],
        length_m=[5.0],
        width_m=[2.2],
        height_m=[1.7],
        yaw_rad=[yaw_rad],
        attribute_name=[""],
    )


def test_surer_proposal_gives_size_orientation_and_score(make_boxes: MakeBoxes) -> None:
    lifted = make_boxes([(0, 0)], score=[0.6])
    fused = fuse(lifted, proposal(make_boxes, score=0.9, yaw_rad=0.1))
    # 0.9 is 0.75 after calibration at temperature 2, which is above 0.6.
    assert fused.score == pytest.approx(np.array([0.75]))
    assert (fused.length_m[0], fused.width_m[0], fused.height_m[0]) == (5.0, 2.2, 1.7)
    assert fused.yaw_rad == pytest.approx(np.array([0.1]))
    assert fused.class_name.tolist() == ["car"]
    assert fused.attribute_name.tolist() == ["vehicle.stopped"]
    assert fused.center_m.tolist() == [[0, 0, 1]]


def test_less_sure_proposal_changes_nothing(make_boxes: MakeBoxes) -> None:
    # 0.9 beats 0.8 as it stands, but is 0.75 after calibration.
    lifted = make_boxes([(0, 0)], score=[0.8])
    assert_same(fuse(lifted, proposal(make_boxes, score=0.9)), lifted)


def test_unmatched_boxes(make_boxes: MakeBoxes) -> None:
    lifted = make_boxes([(50, 0), (70, 0)])
    assert_same(fuse(lifted, proposal(make_boxes, score=0.9)), lifted)


def test_overlap_below_the_threshold_is_no_match(make_boxes: MakeBoxes) -> None:
    # 4 x 2 boxes, 2.6 m apart: overlap 1.4 * 2 = 2.8 of 16 - 2.8 = 13.2, IoU 0.212; at 2.7 m 0.194.
    lifted = make_boxes([(0, 0)])
    for offset_m, score in ((2.6, 0.75), (2.7, 0.5)):
        fused = fuse(lifted, make_boxes([(offset_m, 0)], score=[0.9]))
        assert fused.score == pytest.approx(np.array([score]))


def test_vehicle_keeps_the_front_of_its_lane(make_boxes: MakeBoxes) -> None:
    lifted = make_boxes([(0, 0)], yaw_rad=[np.pi])
    fused = fuse(lifted, proposal(make_boxes, score=0.9, yaw_rad=0.1))
    assert fused.yaw_rad == pytest.approx(np.array([0.1 - np.pi]))
    assert fused.length_m.tolist() == [5.0]


def test_long_box_is_not_turned_across_by_a_heading_that_means_nothing(
    make_boxes: MakeBoxes,
) -> None:
    lifted = make_boxes([(0, 0)], class_name=["bicycle"], yaw_rad=[0.0])
    fused = fuse(lifted, proposal(make_boxes, score=0.9, yaw_rad=1.2))
    assert fused.yaw_rad == pytest.approx(np.array([1.2]))
    assert (fused.length_m[0], fused.width_m[0]) == (5.0, 2.2)


def test_front_is_the_lifted_one_whatever_the_class(make_boxes: MakeBoxes) -> None:
    lifted = make_boxes([(0, 0)], class_name=["bicycle"], yaw_rad=[3.0])
    fused = fuse(lifted, proposal(make_boxes, score=0.9, yaw_rad=0.1))
    assert fused.yaw_rad == pytest.approx(np.array([0.1 - np.pi]))


def test_centre_of_the_surer_box_if_wanted(make_boxes: MakeBoxes) -> None:
    lifted = make_boxes([(0, 0), (50, 0)], score=[0.6, 0.6])
    fused = fuse(lifted, proposal(make_boxes, score=0.9), center="surer")
    assert fused.center_m == pytest.approx(np.array([[0.3, 0.2, 1.0], [50, 0, 1]]))
    assert_same(fuse(lifted, proposal(make_boxes, score=0.5), center="surer"), lifted)


def test_each_proposal_serves_one_box(make_boxes: MakeBoxes) -> None:
    lifted = make_boxes([(1.5, 0), (0, 0)])
    fused = fuse(lifted, proposal(make_boxes, score=0.9))
    assert fused.length_m.tolist() == [4.0, 5.0]
    assert fused.center_m.tolist() == lifted.center_m.tolist()


@pytest.mark.parametrize(("lifted_count", "proposal_count"), [(0, 0), (0, 2), (2, 0)])
def test_empty_sides(make_boxes: MakeBoxes, lifted_count: int, proposal_count: int) -> None:
    lifted = make_boxes([(0, 0)] * lifted_count)
    assert_same(fuse(lifted, make_boxes([(0, 0)] * proposal_count)), lifted)
