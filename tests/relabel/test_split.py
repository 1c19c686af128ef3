"""What is known of the labelled keyframes, and of them alone."""

from collections.abc import Callable

from cm3d.relabel.split import Split
from cm3d.tables import Boxes3D, GroundTruth


def test_truth_with_returns_of_either_kind_is_known_in_labelled_keyframes(
    make_boxes: Callable[..., Boxes3D],
    as_truth: Callable[..., GroundTruth],
    make_split: Callable[..., Split],
) -> None:
    """As in fine-tuning: far cars may have radar returns alone."""
    boxes = make_boxes(*[(x, 0) for x in range(5)], sample_token=["f0"] * 4 + ["f1"])
    truth = as_truth(boxes).replace(
        num_lidar_points=[3, 0, 2, 0, 9], num_radar_points=[0, 1, 4, 0, 9]
    )
    split = make_split(2, 1, truth)
    assert split.truth.center_m[:, 0].tolist() == [0, 1, 2]
    assert split.unlabelled_frames.sample_token.tolist() == ["f1"]
    assert split.labelled_only(boxes).center_m[:, 0].tolist() == [0, 1, 2, 3]
    assert split.unlabelled_only(boxes).center_m[:, 0].tolist() == [4]
