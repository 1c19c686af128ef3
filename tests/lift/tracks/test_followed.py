"""What following made of boxes, told beside what their keyframes gave."""

from collections.abc import Callable

import numpy as np

from cm3d.lift.objects import words
from cm3d.lift.tracks.followed import OWN, Followed, Membership, Origins, TrackScores
from cm3d.tables import Boxes3D
from tests.lift.made import unexplained


def test_a_box_a_gap_and_one_that_nothing_changed(make_boxes: Callable[..., Boxes3D]) -> None:
    sightings = make_boxes((0, 0, 0), (1, 5, 0), class_name=["car", "bus"])
    why = unexplained(sightings).why.replace(fit_cost=[0.25, 0.5], points=[7, 8])
    row = np.array([1, 1, 0])
    boxes = sightings[row].replace(sample_token=["f1", "f2", "f0"])
    changed = np.array(["smoothed", "interpolated", OWN], dtype=object)
    followed = Followed(
        boxes=boxes,
        row=row,
        seen=np.array([True, False, True]),
        standing=np.array([0, 3, 0]),
        membership=Membership(
            track=np.array([4, 4, 5]),
            track_boxes=np.array([1, 1, 1]),
            voted_class=np.array(["bus", "bus", "car"], dtype=object),
            voted_share=np.array([0.75, 0.75, 1.0]),
            second_class=np.array(["car", "car", ""], dtype=object),
            second_share=np.array([0.25, 0.25, 0.0]),
        ),
        origins=Origins(changed, words(OWN, 3), words("track", 3), words(OWN, 3)),
        scores=TrackScores(
            track_score=np.array([0.5, 0.5, np.nan]),
            class_factor=np.array([0.75, 0.75, 1.0]),
            gap_factor=np.array([1.0, 0.8, 1.0]),
        ),
    )
    found = followed.explained(why)
    assert found.boxes is boxes
    told = found.why
    assert told.sample_token.tolist() == ["f1", "f2", "f0"]
    assert told.seen.tolist() == [True, False, True]
    assert told.points.tolist() == [8, 3, 7]
    np.testing.assert_array_equal(told.fit_cost, [0.5, np.nan, 0.25])
    np.testing.assert_array_equal(np.isnan(told.mask_score), [False, True, False])
    assert told.mask_class.tolist() == ["bus", "", "car"]
    assert told.center_from.tolist() == ["smoothed", "interpolated", "medoid"]
    assert told.heading_from.tolist() == ["lane"] * 3
    assert told.front_from.tolist() == ["track"] * 3
    assert told.size_from.tolist() == ["class"] * 3
    for part in (followed.membership, followed.scores):
        for name in vars(part):
            np.testing.assert_array_equal(getattr(told, name), getattr(part, name))
    assert told.raw_score.tolist() == why.raw_score[row].tolist()
