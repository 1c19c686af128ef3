from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cm3d.params import Tracks, load_params
from cm3d.relabel.motion import tracked
from cm3d.tables import Boxes3D, Frames
from cm3d.tables.table import columns_of
from cm3d.taxonomy import Taxonomy

MakeBoxes = Callable[..., Boxes3D]
MakeFrames = Callable[[int], Frames]


@pytest.fixture
def tracks(project: Path) -> Tracks:
    return load_params(project / "params.yaml").lift.tracks


def drive(make_boxes: MakeBoxes, steps: int) -> Boxes3D:
    """A car at 8 m/s along -x that the model takes for one that stands and looks ahead."""
    return make_boxes(
        *[(20 - 4.0 * step, 3.0) for step in range(steps)],
        sample_token=[f"f{step}" for step in range(steps)],
    )


def test_a_moving_box_gets_velocity_heading_and_attribute(
    make_boxes: MakeBoxes, make_frames: MakeFrames, taxonomy: Taxonomy, tracks: Tracks
) -> None:
    found = tracked(drive(make_boxes, 6), make_frames(6), taxonomy, tracks)
    np.testing.assert_allclose(found.velocity_mps, [[-8, 0]] * 6, atol=0.2)
    np.testing.assert_allclose(np.cos(found.yaw_rad), -1, atol=1e-6)
    assert set(found.attribute_name) == {"vehicle.moving"}


def test_a_flash_scores_less_than_what_is_seen_over_and_over(
    make_boxes: MakeBoxes, make_frames: MakeFrames, taxonomy: Taxonomy, tracks: Tracks
) -> None:
    flash = make_boxes((-20, -20), sample_token=["f3"])
    boxes = Boxes3D.concatenate([drive(make_boxes, 6), flash])
    found = tracked(boxes, make_frames(6), taxonomy, tracks)
    of_flash = found.center_m[:, 1] < -10
    assert found.score[of_flash].item() < found.score[~of_flash].min()


def test_gaps_stay_and_no_order_plays_a_part(
    make_boxes: MakeBoxes, make_frames: MakeFrames, taxonomy: Taxonomy, tracks: Tracks
) -> None:
    boxes = drive(make_boxes, 6)[[0, 1, 2, 4, 5]]
    found = tracked(boxes, make_frames(6), taxonomy, tracks)
    assert sorted(found.sample_token) == ["f0", "f1", "f2", "f4", "f5"]
    mixed = tracked(boxes[[3, 1, 4, 0, 2]], make_frames(6), taxonomy, tracks)
    for name in columns_of(Boxes3D):
        np.testing.assert_array_equal(getattr(found, name), getattr(mixed, name))


def test_a_scene_without_boxes(make_frames: MakeFrames, taxonomy: Taxonomy, tracks: Tracks) -> None:
    assert len(tracked(Boxes3D.empty(), make_frames(2), taxonomy, tracks)) == 0
