"""Scores that are shares."""

import numpy as np
import pytest
import torch
from scipy.special import expit, logit

from cm3d.simulation.networks.detector import DetectorNetwork
from cm3d.simulation.teaching.calibration import Calibration, first_to_match, fit
from cm3d.simulation.teaching.drives import VisibleObjects


def test_fit_finds_what_the_scores_were_distorted_by():
    rng = np.random.default_rng(0)
    share = rng.uniform(0.02, 0.98, 20_000)
    right = rng.random(len(share)) < share
    said = expit((logit(share) + 1.0) / 3.0)
    found = fit(said, right)
    assert found.slope == pytest.approx(3, rel=0.05)
    assert found.offset == pytest.approx(-1, abs=0.1)


def test_calibration_goes_into_the_last_layer():
    torch.manual_seed(0)
    network, images = DetectorNetwork().eval(), torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        before, sides_px = network(images)
        Calibration(2.0, -1.0).apply(network)
        after, same_sides_px = network(images)
    torch.testing.assert_close(after, 2 * before - 1, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(same_sides_px, sides_px)


def test_only_the_first_detection_of_an_object_is_right():
    objects = VisibleObjects(
        np.array([1]), np.array([0]), np.array([[0.0, 0, 10, 10]]), np.array([False])
    )
    boxes_px = np.array([[50.0, 50, 60, 60], [0, 0, 10, 9], [0, 0, 10, 10], [0, 0, 10, 10]])
    classes = np.array([0, 0, 0, 3])
    assert first_to_match(boxes_px, classes, objects).tolist() == [False, True, False, False]
    nothing = VisibleObjects(
        np.empty(0, int), np.empty(0, int), np.empty((0, 4)), np.empty(0, bool)
    )
    assert not first_to_match(boxes_px, classes, nothing).any()
