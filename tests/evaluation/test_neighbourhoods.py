from collections.abc import Callable
from typing import Any

import numpy as np

from cm3d.evaluation.neighbourhoods import neighbourhoods

Make = Callable[..., Any]


def test_boxes_in_reach_share_a_neighbourhood_and_links_join_them(
    make_boxes: Make, make_truth: Make
) -> None:
    """Along x: box 0 - truth 3 - box 6 in a chain, box 20 and truth 30 alone."""
    boxes, truth = make_boxes([(0, 0), (6, 0), (20, 0)]), make_truth([(3, 0), (30, 0)])
    near, near_truth = neighbourhoods(boxes, truth, 4.0)
    assert near[0] == near[1] == near_truth[0]
    assert len({near[0], near[2], near_truth[1]}) == 3


def test_frames_and_classes_are_out_of_reach(make_boxes: Make, make_truth: Make) -> None:
    boxes = make_boxes([(0, 0)] * 3, sample_token=["f", "g", "f"], class_name=["car", "car", "bus"])
    near, near_truth = neighbourhoods(boxes, make_truth([(0, 0)]), 4.0)
    assert near[0] == near_truth[0]
    assert len(set(near)) == 3


def test_height_plays_no_part(make_boxes: Make, make_truth: Make) -> None:
    boxes = make_boxes([(0, 0)], center_m=[[0, 0, 100.0]])
    near, near_truth = neighbourhoods(boxes, make_truth([(3, 0)]), 4.0)
    assert near.tolist() == near_truth.tolist()


def test_nothing_has_no_neighbourhoods(make_boxes: Make, make_truth: Make) -> None:
    for boxes, truth in [([], []), ([(0, 0)], []), ([], [(0, 0)])]:
        near, near_truth = neighbourhoods(make_boxes(boxes), make_truth(truth), 4.0)
        assert (len(near), len(near_truth)) == (len(boxes), len(truth))
        assert near.dtype == near_truth.dtype == np.int64
