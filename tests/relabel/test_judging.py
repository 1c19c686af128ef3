from collections.abc import Callable

import numpy as np
import pytest

from cm3d.relabel.judging import average_precisions, figures, in_class_range
from cm3d.relabel.split import Split
from cm3d.tables import Boxes3D, Frames, GroundTruth
from cm3d.taxonomy import Taxonomy

MakeBoxes = Callable[..., Boxes3D]
AsTruth = Callable[..., GroundTruth]


def test_average_precision_by_hand(make_boxes: MakeBoxes) -> None:
    truth = make_boxes((0, 0), (10, 0), (20, 0), (0, 9), class_name=["car"] * 3 + ["bus"])
    # right, wrong, right, wrong: precisions 1 and 2/3 where found, the third car is not
    boxes = make_boxes((0, 0), (5, 0), (10, 1), (10, 0.5), score=[0.9, 0.8, 0.7, 0.6])
    found = average_precisions(boxes, truth, ("car", "bus", "truck"), 2.0)
    np.testing.assert_allclose(found, [(1 + 2 / 3) / 3, 0.0, np.nan])


def test_the_best_precision_further_down_counts(make_boxes: MakeBoxes) -> None:
    truth = make_boxes((0, 0), (10, 0))
    boxes = make_boxes((5, 0), (0, 0), (10, 0), score=[0.9, 0.8, 0.7])
    assert average_precisions(boxes, truth, ("car",), 2.0) == pytest.approx([2 / 3])


def test_ranges_are_those_of_classes(
    make_boxes: MakeBoxes, make_frames: Callable[[int], Frames], taxonomy: Taxonomy
) -> None:
    boxes = make_boxes(
        (49, 0), (51, 0), (0, -39), (0, -41), class_name=["car"] * 2 + ["bicycle"] * 2
    )
    assert in_class_range(boxes, make_frames(1), taxonomy).tolist() == [True, False] * 2


def test_figures_by_hand(
    make_boxes: MakeBoxes, as_truth: AsTruth, make_split: Callable[..., Split], taxonomy: Taxonomy
) -> None:
    # f0 is labelled: two cars, of which relabels find one, old labels none; f1 and f2 are not
    truth = as_truth(make_boxes((0, 0), (10, 0), (0, 0), sample_token=["f0", "f0", "f1"]))
    relabels = make_boxes(
        (0, 1), (5, 5), (0, 0), (9, 9), (99, 0),
        sample_token=["f0", "f0", "f1", "f2", "f2"],
        score=[0.9, 0.4, 0.8, 0.2, 0.9],
    )  # fmt: skip
    old = make_boxes((5, 5), (0, 0), sample_token=["f0", "f1"], score=[0.7, 0.5])
    found = figures(relabels, old, make_split(3, 1, truth), taxonomy, 2.0)
    classes = found.pop("classes")
    assert found == {
        "frames": 2,
        "boxes": 1.0,  # the one 99 m away is not scored, nor counted
        "likely": 0.5,
        "expected_true": 0.5,
        "before": {"boxes": 0.5, "likely": 0.5, "expected_true": 0.25},
        "labelled_frames": {
            "frames": 1,
            "true": 2.0,
            "precision": 1.0,
            "recall": 0.5,
            "before": {"precision": 0.0, "recall": 0.0},
        },
    }
    assert list(classes) == list(taxonomy.class_names)
    assert classes["car"]["true_in_labelled_frames"] == 2.0
    assert classes["car"]["expected_true"] == 0.5
    assert classes["bus"] == {
        "boxes": 0.0, "likely": 0.0, "expected_true": 0.0, "true_in_labelled_frames": 0.0
    }  # fmt: skip


def test_figures_without_anything(
    as_truth: AsTruth, make_boxes: MakeBoxes, make_split: Callable[..., Split], taxonomy: Taxonomy
) -> None:
    nothing = Boxes3D.empty()
    found = figures(nothing, nothing, make_split(1, 1, as_truth(make_boxes())), taxonomy, 2.0)
    assert found["boxes"] == found["frames"] == 0
    assert "precision" not in found["labelled_frames"]
