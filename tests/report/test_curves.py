from typing import Any

import numpy as np
import pytest

from cm3d.report.curves import (
    by_distance,
    by_points,
    by_visibility,
    precision_by_class,
    reliability,
)


def test_scores_are_compared_with_shares() -> None:
    """Of 0.1 and 0.3 half is right, 0.3 more than their mean; of 0.9 and 1.0 all, 0.05 more."""
    found = reliability(
        np.array([0.1, 0.3, 0.9, 1.0]),
        np.array([True, False, True, True]),
        edges=np.array([0, 0.5, 1.0]),
    )
    assert found.boxes.tolist() == [2, 2]
    assert found.score == pytest.approx([0.2, 0.95])
    assert found.right == pytest.approx([0.5, 1.0])
    assert found.error == pytest.approx((2 * 0.3 + 2 * 0.05) / 4)


def test_bins_without_boxes_are_none() -> None:
    found = reliability(np.array([0.55]), np.array([True]))
    assert np.isfinite(found.score).sum() == 1
    assert reliability(np.empty(0), np.empty(0, dtype=bool)).error == 0


def test_precision_of_classes_that_have_objects(
    make_boxes: Any, make_truth: Any, judged: Any
) -> None:
    """The surest is right, the second wrong, the third right: 1, then 2 / 3 at full recall."""
    boxes = make_boxes([[0, 0], [50, 0], [10, 0]], score=[0.9, 0.8, 0.7])
    found = judged(boxes, make_truth([[0, 0], [10, 0]]))
    recall, curves = precision_by_class(found, ("car", "bus"))
    assert list(curves) == ["car"]
    assert curves["car"][recall == 0.5][0] == pytest.approx(0.5)  # the last point with this recall
    assert curves["car"][-1] == pytest.approx(2 / 3)


def test_bins_say_what_is_found_and_how_far_off(
    make_boxes: Any, make_truth: Any, judged: Any
) -> None:
    boxes = make_boxes([[5, 1], [15.5, 0]])
    truth = make_truth(
        [[5, 0], [15, 0], [18, 0], [70, 0]],
        num_lidar_points=[4, 5, -1, 1000],
        visibility=[1, 4, 0, -2],
    )
    found = judged(boxes, truth)
    near = by_distance(found, truth.center_m[:, 0])
    assert near.labels == ["0-10", "10-20", "20-30", "30-40", "40-50", "50+"]
    assert near.objects.tolist() == [1, 2, 0, 0, 0, 1]
    assert near.found[[0, 1, 5]] == pytest.approx([1, 0.5, 0])
    assert np.isnan(near.found[2:5]).all()
    assert near.errors["ATE"][:2] == pytest.approx([1.0, 0.5])
    points = by_points(found)
    assert points.objects.tolist() == [1, 1, 0, 0, 0, 1]  # of one, nobody knows them
    assert by_visibility(found).objects.tolist() == [1, 0, 0, 1]
