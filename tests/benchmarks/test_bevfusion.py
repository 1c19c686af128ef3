"""What the benchmark compares is the same, and its rig sees all around."""

import numpy as np
import pytest
import torch

from benchmarks.bench_bevfusion import case_of, on, outer_product, rig, there_and_back
from cm3d.detectors.cameras.rays import Rays
from cm3d.detectors.cameras.splat import splat


def test_both_ways_give_the_same_map_and_gradients() -> None:
    case = on(case_of("tiny", 9, (4, 8), 5, 16, np.random.default_rng(0)), torch.device("cpu"))
    assert 0 < (case.cell >= 0).float().mean() <= 1
    for ours, theirs in zip(
        there_and_back(splat, case), there_and_back(outer_product, case), strict=True
    ):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


def test_cameras_look_away_from_each_other() -> None:
    rays = Rays.of(rig(64, 32))
    ahead = rays.at(torch.tensor([[32.0, 16.0]]), torch.tensor([1.0]))[0, :, 0, 0]
    yaw_deg = np.degrees(np.arctan2(ahead[:, 1], ahead[:, 0])) % 360
    assert yaw_deg == pytest.approx([0, 60, 120, 180, 240, 300], abs=1e-3)
