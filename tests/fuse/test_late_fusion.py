from collections.abc import Callable
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cm3d.fuse.late_fusion import fuse_frame, greedy_match, turn_to_reference
from cm3d.geometry.cuboids import Rectangles, bev_corners
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


@pytest.mark.parametrize("center", ["lifted", "surer"])
def test_lifted_box_may_keep_its_score(
    make_boxes: MakeBoxes, center: Literal["lifted", "surer"]
) -> None:
    """The score of its class, however sure the proposal is of its rectangle."""
    lifted = make_boxes([(0, 0), (50, 0)], score=[0.6, 0.3])
    sure = proposal(make_boxes, score=0.9, yaw_rad=0.1)
    kept = fuse_frame(lifted, sure, min_iou=0.2, temperature=2.0, center=center, score="lifted")
    assert kept.score.tolist() == [0.6, 0.3]
    taken = fuse_frame(lifted, sure, min_iou=0.2, temperature=2.0, center=center, score="surer")
    assert taken.score == pytest.approx(np.array([0.75, 0.3]))
    assert_same(kept, taken.replace(score=kept.score))  # all else is the surer one's as ever


def test_less_sure_proposal_changes_nothing(make_boxes: MakeBoxes) -> None:
    # 0.9 beats 0.8 as it stands, but is 0.75 after calibration.
    lifted = make_boxes([(0, 0)], score=[0.8])
    assert_same(fuse(lifted, proposal(make_boxes, score=0.9)), lifted)


def test_unmatched_boxes(make_boxes: MakeBoxes) -> None:
    lifted = make_boxes([(50, 0), (70, 0)])
    assert_same(fuse(lifted, proposal(make_boxes, score=0.9)), lifted)


def test_unmatched_proposals_may_be_kept_as_a_class(make_boxes: MakeBoxes) -> None:
    """Of three, one wins, one loses, and one matches nothing: 0.8 is 2/3 at temperature 2."""
    lifted = make_boxes([(0, 0), (20, 0), (50, 0)], score=[0.6, 0.9, 0.3])
    three = make_boxes(
        [(0, 0), (20, 0), (-30, 5)],
        class_name=["object"] * 3,
        score=[0.9, 0.9, 0.8],
        length_m=[5.0] * 3,
        attribute_name=[""] * 3,
    )
    fused = fuse(lifted, three)
    kept = fuse_frame(lifted, three, 0.2, 2.0, "lifted", unmatched_class="vehicle")
    assert_same(kept[:3], fused)
    assert len(kept) == 4
    assert (kept.class_name[3], kept.center_m[3].tolist()) == ("vehicle", [-30, 5, 1])
    assert kept.score[3] == pytest.approx(2 / 3)
    alone = fuse_frame(Boxes3D.empty(), three, 0.2, 2.0, "lifted", unmatched_class="vehicle")
    assert alone.class_name.tolist() == ["vehicle"] * 3


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


Shape = tuple[float, float, float]
SIDES = st.floats(0.1, 9)
YAWS = st.floats(-7, 7)


def box(length_m: float, width_m: float, yaw_rad: float) -> Boxes3D:
    return Boxes3D.from_columns(
        sample_token=["frame"],
        class_name=["car"],
        score=[1.0],
        center_m=[(0.0, 0.0, 0.0)],
        length_m=[length_m],
        width_m=[width_m],
        height_m=[1.0],
        yaw_rad=[yaw_rad],
        velocity_mps=[(0.0, 0.0)],
        attribute_name=[""],
    )


def turn(shape: Shape, reference: Shape) -> Shape:
    length_m, width_m, yaw_rad = turn_to_reference(box(*shape), box(*reference))
    return float(length_m[0]), float(width_m[0]), float(yaw_rad[0])


@pytest.mark.parametrize(
    ("yaw_deg", "reference_deg", "expected"),
    [
        (10, 0, (4, 2, 10)),
        (10, 180, (4, 2, -170)),
        (10, 99, (4, 2, 10)),  # a reference that lies across cannot turn a long box
        (10, 101, (4, 2, -170)),
        (179, -179, (4, 2, 179)),  # across the wrap, 2 degrees apart
    ],
)
def test_long_box_is_read_along_its_longer_side(
    yaw_deg: float, reference_deg: float, expected: Shape
) -> None:
    length, width, yaw = turn((4, 2, np.deg2rad(yaw_deg)), (5, 2, np.deg2rad(reference_deg)))
    assert (length, width, np.rad2deg(yaw)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("reference_deg", "expected"),
    [(0, (0.6, 0.5, 10)), (90, (0.5, 0.6, 100)), (180, (0.6, 0.5, -170)), (-90, (0.5, 0.6, -80))],
)
def test_squarish_box_keeps_the_heading_of_the_reference(
    reference_deg: float, expected: Shape
) -> None:
    length, width, yaw = turn((0.6, 0.5, np.deg2rad(10)), (0.7, 0.4, np.deg2rad(reference_deg)))
    assert (length, width, np.rad2deg(yaw)) == pytest.approx(expected)


def test_barrier_is_wide() -> None:
    # Its long side lies along x, so it looks along y; the reference says which way.
    for reference, expected in ((80, 90), (-80, -90)):
        length, width, yaw = turn((2.3, 0.5, 0.0), (0.6, 2.4, np.deg2rad(reference)))
        assert (length, width, np.rad2deg(yaw)) == pytest.approx((0.5, 2.3, expected))


@given(st.tuples(SIDES, SIDES, YAWS), st.tuples(SIDES, SIDES, YAWS))
def test_same_footprint_and_as_near_as_the_shape_allows(shape: Shape, reference: Shape) -> None:
    turned = turn(shape, reference)
    squarish = max(shape[:2]) <= 1.5 * min(shape[:2])
    assert np.cos(turned[2] - reference[2]) >= (np.cos(np.pi / 4) if squarish else 0) - 1e-9
    if not squarish:
        assert (turned[0] < turned[1]) == (reference[0] < reference[1])
    corners = [
        bev_corners(Rectangles(np.zeros((1, 2)), *np.array(values)[:, None]))[0]
        for values in (turned, shape)
    ]
    distance = np.linalg.norm(corners[0][:, None] - corners[1][None], axis=2)
    assert distance.min(axis=0) == pytest.approx(np.zeros(4), abs=1e-9)


def pairs(iou: np.ndarray, min_iou: float) -> list[tuple[int, int]]:
    rows, columns = greedy_match(iou, min_iou)
    return list(zip(rows.tolist(), columns.tolist(), strict=True))


def test_best_overlap_goes_first() -> None:
    # Greedy takes 0.9 although 0.8 + 0.7 is more.
    assert pairs(np.array([[0.9, 0.8], [0.7, 0.1]]), 0.2) == [(0, 0)]
    assert pairs(np.array([[0.9, 0.8], [0.7, 0.1]]), 0.1) == [(0, 0), (1, 1)]


def test_overlap_at_the_threshold_matches_and_below_does_not() -> None:
    assert pairs(np.array([[0.2]]), 0.2) == [(0, 0)]
    assert pairs(np.array([[0.1999]]), 0.2) == []


def test_boxes_apart_never_match() -> None:
    assert pairs(np.zeros((2, 2)), 0.0) == []


def test_first_of_equals() -> None:
    assert pairs(np.full((2, 3), 0.5), 0.2) == [(0, 0), (1, 1)]


def test_nothing_to_match() -> None:
    assert pairs(np.zeros((0, 4)), 0.2) == []
    assert pairs(np.zeros((4, 0)), 0.2) == []


@given(
    arrays(
        np.float64,
        st.tuples(st.integers(0, 6), st.integers(0, 6)),
        elements=st.sampled_from([0.0, 0.1, 0.2, 0.3, 0.5, 0.8, 1.0]),
    )
)
def test_same_as_taking_the_maximum_again_and_again(iou: np.ndarray) -> None:
    left, expected = iou.copy(), []
    while left.size and left.max() >= 0.2:
        row, column = np.unravel_index(np.argmax(left), left.shape)
        expected.append((int(row), int(column)))
        left[row] = left[:, column] = 0
    assert pairs(iou, 0.2) == expected
