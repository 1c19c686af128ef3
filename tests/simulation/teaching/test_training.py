"""Losses by hand, and the loop on a network of one number."""

import math
from itertools import count

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from cm3d.simulation.teaching.detector import (
    DetectorTargets,
    detector_loss,
    generalised_iou,
    heatmap_loss,
)
from cm3d.simulation.teaching.loop import rate_share, train
from cm3d.simulation.teaching.segmenter import segmenter_loss


def _box(*corners):
    return tuple(torch.tensor(float(corner)) for corner in corners)


def test_generalised_iou():
    assert generalised_iou(_box(0, 0, 2, 2), _box(0, 0, 2, 2)).item() == pytest.approx(1)
    # Half of the one is in the other: IoU 1/3; the hull is their union.
    assert generalised_iou(_box(0, 0, 2, 2), _box(1, 0, 3, 2)).item() == pytest.approx(1 / 3)
    # Two unit squares with a gap of one: nothing in common, a third of the hull is empty.
    assert generalised_iou(_box(0, 0, 1, 1), _box(2, 0, 3, 1)).item() == pytest.approx(-1 / 3)


def _targets():
    heatmap = torch.zeros(1, 10, 2, 2)
    heatmap[0, 0, 0, 0], heatmap[0, 0, 0, 1] = 1, 0.5
    box_px = torch.zeros(1, 4, 2, 2)
    box_px[0, :, 0, 0] = torch.tensor([0.0, 0.0, 4.0, 4.0])
    weight = torch.zeros(1, 2, 2)
    weight[0, 0, 0] = 3.0
    return DetectorTargets(heatmap, torch.ones_like(heatmap), box_px, weight)


def test_heatmap_loss_by_hand():
    targets = _targets()
    logits = torch.full((1, 10, 2, 2), -100.0)
    logits[0, 0, 0, 0] = 0.0  # p = 1/2 in the middle: (1 - p)^2 ln 2
    assert heatmap_loss(logits, targets).item() == pytest.approx(math.log(2) / 4, rel=1e-4)
    logits[0, 0, 0, 1] = 0.0  # and beside it: p^2 (1 - 0.5)^4 ln 2
    assert heatmap_loss(logits, targets).item() == pytest.approx(
        math.log(2) / 4 * (1 + 1 / 16), rel=1e-4
    )
    targets.counts[0, 0, 0, 1] = 0
    assert heatmap_loss(logits, targets).item() == pytest.approx(math.log(2) / 4, rel=1e-4)


def test_a_perfect_answer_costs_nothing():
    logits = torch.full((1, 10, 2, 2), -100.0)
    logits[0, 0, 0, 0] = 100.0
    sides_px = torch.full((1, 4, 2, 2), 2.0)  # from the middle (2, 2) of the first cell
    assert detector_loss(logits, sides_px, _targets()).item() == pytest.approx(0, abs=1e-5)


def test_an_image_without_objects_has_a_loss():
    nothing = DetectorTargets(
        torch.zeros(1, 10, 2, 2),
        torch.ones(1, 10, 2, 2),
        torch.zeros(1, 4, 2, 2),
        torch.zeros(1, 2, 2),
    )
    loss = detector_loss(torch.zeros(1, 10, 2, 2), torch.ones(1, 4, 2, 2), nothing)
    assert loss.item() == pytest.approx(40 * math.log(2) / 4, rel=1e-4)


def test_masks_cost_what_they_get_wrong():
    mask = torch.zeros(1, 4, 4)
    mask[0, :2] = 1
    sure = (mask - 0.5) * 200
    assert segmenter_loss(sure, mask).item() == pytest.approx(0, abs=1e-5)
    assert segmenter_loss(-sure, mask).item() > 50
    # Unsure everywhere: ln 2 a pixel, and Dice 1 - (2 * 4 + 1) / (8 + 8 + 1).
    assert segmenter_loss(torch.zeros(1, 4, 4), mask).item() == pytest.approx(
        math.log(2) + 1 - 9 / 17, rel=1e-5
    )


def test_rate_rises_and_falls():
    shares = [rate_share(progress) for progress in (0.0, 0.025, 0.05, 0.5, 1.0)]
    assert shares[1] == pytest.approx(0.5)
    assert shares[2] == pytest.approx(1.0)
    assert shares[2] > shares[3] > shares[4] == pytest.approx(0.01)


def test_training_ends_in_time_with_a_better_network(tmp_path, monkeypatch):
    clock_s = count(step=0.2)  # five steps a second
    monkeypatch.setattr("cm3d.simulation.teaching.loop.time.monotonic", lambda: next(clock_s))
    torch.manual_seed(0)
    network = nn.Conv2d(1, 1, 1)
    nn.init.zeros_(network.weight)

    def loss_of(network, batch):
        return ((network(batch) - 2 * batch) ** 2).mean()

    def batches():
        while True:
            yield torch.rand(4, 1, 8, 8)

    train(network, loss_of, batches(), 1.0, 0.1, tmp_path / "c.safetensors")
    learnt = load_file(tmp_path / "c.safetensors")
    assert learnt["weight"].item() == pytest.approx(2, abs=0.1)
