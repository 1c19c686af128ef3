"""Shapes and ranges of what the networks say."""

import torch

from cm3d.simulation.networks.detector import STRIDE_PX, DetectorNetwork
from cm3d.simulation.networks.segmenter import CROP_PX, SegmenterNetwork


def test_detector_says_something_about_every_cell():
    network = DetectorNetwork().eval()
    with torch.no_grad():
        logits, sides_px = network(torch.rand(2, 3, 64, 96))
    assert logits.shape == (2, 10, 64 // STRIDE_PX, 96 // STRIDE_PX)
    assert sides_px.shape == (2, 4, 64 // STRIDE_PX, 96 // STRIDE_PX)
    assert (sides_px > 0).all()
    # Untrained, it sees objects hardly anywhere: else the first steps would be lost on that.
    assert torch.sigmoid(logits).mean() < 0.05


def test_detector_is_small():
    parameters = sum(weight.numel() for weight in DetectorNetwork().parameters())
    parameters += sum(weight.numel() for weight in SegmenterNetwork().parameters())
    assert 2 * parameters < 10e6  # bytes in float16, both together


def test_segmenter_takes_any_number_of_crops():
    network = SegmenterNetwork().eval()
    with torch.no_grad():
        assert network(torch.rand(3, 3, CROP_PX, CROP_PX)).shape == (3, CROP_PX, CROP_PX)
        assert network(torch.rand(0, 3, CROP_PX, CROP_PX)).shape == (0, CROP_PX, CROP_PX)
