from collections.abc import Callable

import numpy as np

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
