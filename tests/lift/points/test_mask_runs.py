from collections.abc import Callable

import numpy as np
import pytest

from cm3d.errors import InputError
from cm3d.lift.points.mask_runs import MaskRuns
from cm3d.tables import Masks


def test_contains_the_pixels_of_its_own_mask(make_masks: Callable[..., Masks]) -> None:
    first = [[0, 1, 0], [0, 1, 1]]
    second = [[1, 0, 0], [0, 0, 0]]
    runs = MaskRuns.from_masks(make_masks([first, second]))
    columns, rows = np.meshgrid(np.arange(3), np.arange(2))
    assert runs.contain(np.array(0), columns, rows).tolist() == np.array(first, bool).tolist()
    assert runs.contain(np.array(1), columns, rows).tolist() == np.array(second, bool).tolist()


def test_near_pairs_masks_with_pixels_of_their_box(make_masks: Callable[..., Masks]) -> None:
    corners = np.zeros((6, 8))
    corners[1, 2] = corners[4, 5] = 1
    empty = np.zeros((6, 8))
    runs = MaskRuns.from_masks(make_masks([empty, corners]))
    masks, pixels = runs.near(np.array([2, 5, 3, 6, 2]), np.array([1, 4, 2, 4, 5]))
    assert masks.tolist() == [1, 1, 1]
    assert pixels.tolist() == [0, 1, 2]


@pytest.mark.parametrize("runs", ["cut short", "missing", "of a larger image", "no runs at all"])
def test_broken_runs_name_the_camera(make_masks: Callable[..., Masks], runs: str) -> None:
    masks = make_masks([np.eye(12), np.eye(12)])
    masks.rle[1] = {
        "cut short": masks.rle[1][:-1],
        "missing": b"",
        "of a larger image": make_masks([np.eye(13)]).rle[0],
        "no runs at all": b"\xff\x00\x80",
    }[runs]
    with pytest.raises(InputError, match="camera front: a mask's run lengths are broken"):
        MaskRuns.from_masks(masks)


def test_masks_of_one_camera_share_a_size(make_masks: Callable[..., Masks]) -> None:
    with pytest.raises(InputError, match="camera front: its masks differ in size"):
        MaskRuns.from_masks(make_masks([np.eye(3), np.eye(4)]))
