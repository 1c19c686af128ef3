"""Boxes from heatmaps drawn by hand."""

import torch

from cm3d.simulation.networks.detector import boxes_around_cells, decode


def _logits(*peaks):
    logits = torch.full((1, 10, 6, 8), -10.0)
    for class_index, row, column, value in peaks:
        logits[0, class_index, row, column] = value
    return logits


def test_box_reaches_from_the_cells_middle():
    sides_px = torch.zeros(1, 4, 6, 8)
    sides_px[0, :, 2, 3] = torch.tensor([1.0, 2.0, 3.0, 4.0])
    box_px = boxes_around_cells(sides_px)[0, :, 2, 3]
    assert box_px.tolist() == [14 - 1, 10 - 2, 14 + 3, 10 + 4]  # the cell's middle is (14, 10)


def test_maxima_come_best_first_and_low_ones_not_at_all():
    logits = _logits((0, 1, 1, 0.0), (5, 4, 6, 2.0), (9, 0, 7, -3.0))
    (found,) = decode(logits, torch.ones(1, 4, 6, 8), min_score=0.1)
    assert found.class_index.tolist() == [5, 0]
    torch.testing.assert_close(found.score, torch.tensor([2.0, 0.0]).sigmoid())
    assert found.box_px.tolist() == [[25.0, 17.0, 27.0, 19.0], [5.0, 5.0, 7.0, 7.0]]


def test_a_neighbour_of_the_same_class_is_the_same_object():
    (same,) = decode(_logits((0, 1, 1, 2.0), (0, 2, 2, 1.0)), torch.ones(1, 4, 6, 8), 0.1)
    (apart,) = decode(_logits((0, 1, 1, 2.0), (0, 3, 3, 1.0)), torch.ones(1, 4, 6, 8), 0.1)
    (other,) = decode(_logits((0, 1, 1, 2.0), (1, 2, 2, 1.0)), torch.ones(1, 4, 6, 8), 0.1)
    assert [len(found.score) for found in (same, apart, other)] == [1, 2, 2]


def test_each_image_has_its_own_objects():
    logits = torch.cat([_logits((0, 1, 1, 2.0)), _logits()])
    first, second = decode(logits, torch.ones(2, 4, 6, 8), 0.1)
    assert len(first.score) == 1
    assert len(second.score) == 0 and second.box_px.shape == (0, 4)
