import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cm3d.detectors.boxes import SensorBoxes
from cm3d.detectors.grid import Grid
from cm3d.detectors.heads.center.box_code import BOX_TERMS, CODE_SIZE
from cm3d.detectors.heads.center.decode import decode
from cm3d.detectors.heads.center.head import BoxMaps, TaskOutput
from cm3d.detectors.heads.center.targets import (
    Targets,
    draw_gaussians,
    gaussian_radius,
    make_targets,
)
from cm3d.detectors.inputs import Sample, collate
from cm3d.params import Detector, load_params
from cm3d.taxonomy import Taxonomy
from tests.tiny_detector import tiny_predict

DETECTOR = load_params().detector


def _boxes(
    center_xy_m: np.ndarray,
    class_index: np.ndarray | None = None,
    weight: np.ndarray | None = None,
) -> SensorBoxes:
    count = len(center_xy_m)
    index = np.zeros(count, dtype=np.int64) if class_index is None else class_index
    return SensorBoxes(
        class_index=index,
        score=np.ones(count) if weight is None else weight,
        center_m=np.concatenate([center_xy_m, np.full((count, 1), -1.0)], axis=1),
        size_m=np.tile([4.0, 2.0, 1.5], (count, 1)),
        yaw_rad=np.linspace(-3, 3, count),
        velocity_mps=np.tile([1.0, np.nan], (count, 1)),
    )


def test_the_radius_by_hand() -> None:
    # 10 x 10, overlap 0.1, as CenterPoint's release solves CornerNet's cases: (20 + sqrt(400 -
    # 327.3)) / 2, (40 + sqrt(1600 - 1440)) / 2 and (-4 + sqrt(16 + 144)) / 2; the last is least
    radius = gaussian_radius(torch.tensor([[10.0, 10.0]]), 0.1)
    assert radius.tolist() == pytest.approx([(np.sqrt(160) - 4) / 2])


@pytest.mark.parametrize(
    ("sides", "expected"),  # cells; as mmdet3d 1.4.0 gives them
    [((4.6, 1.9), 1.5489), ((12.0, 3.0), 3.0), ((0.7, 0.7), 0.3784)],
)
def test_radii_of_mmdet3d(sides: tuple, expected: float) -> None:
    cells = torch.tensor([sides], dtype=torch.float64) / 0.8
    assert gaussian_radius(cells, 0.1).item() == pytest.approx(expected, abs=1e-4)


def test_a_gaussian_by_hand() -> None:
    heatmap = draw_gaussians((2, 6, 6), *(torch.tensor([v]) for v in (1, 2, 1, 2)))
    sigma = 5 / 6
    assert heatmap[0].max() == 0
    assert heatmap[1, 2, 1] == 1
    assert heatmap[1, 2, 2].item() == pytest.approx(np.exp(-1 / (2 * sigma**2)))
    assert heatmap[1, 4, 3].item() == pytest.approx(np.exp(-8 / (2 * sigma**2)))
    assert heatmap[1, 5].max() == 0
    assert heatmap[1, :, 4:].max() == 0


def test_gaussians_equal_a_loop_and_overlap_by_maximum() -> None:
    rng = np.random.default_rng(0)
    channel, row, column, radius = rng.integers([0, 0, 0, 1], [3, 12, 12, 5], (20, 4)).T
    expected = np.zeros((3, 12, 12))
    for c, centre_row, centre_column, r in zip(channel, row, column, radius, strict=True):
        for y in range(12):
            for x in range(12):
                dy, dx = y - centre_row, x - centre_column
                if max(abs(dy), abs(dx)) <= r:
                    value = np.exp(-(dx**2 + dy**2) / (2 * ((2 * r + 1) / 6) ** 2))
                    expected[c, y, x] = max(expected[c, y, x], value)
    cells = (torch.from_numpy(values) for values in (channel, row, column, radius))
    heatmap = draw_gaussians((3, 12, 12), *cells)
    np.testing.assert_allclose(heatmap, expected, rtol=1e-6)


def _targets(*frames: SensorBoxes, classes: int = 3, detector: Detector = DETECTOR) -> Targets:
    no_points = np.empty((0, 5), np.float32)
    batch = collate([Sample("", no_points, boxes) for boxes in frames])
    return make_targets(batch.labels, len(frames), classes, detector)


def test_a_target_cell_by_hand(wide_detector: Detector) -> None:
    boxes = _boxes(np.array([[1.0, -3.1]]), np.array([2]))
    targets = _targets(SensorBoxes.empty(), boxes, detector=wide_detector)  # cells of 0.8 m
    assert targets.frame.tolist() == [1]
    assert (targets.row.item(), targets.column.item()) == (12, 17)  # 9.7 / 0.8, 13.8 / 0.8
    np.testing.assert_allclose(targets.code[0, :2], [0.25, 0.125], atol=1e-5)
    assert targets.heatmap.shape == (2, 3, 32, 32)
    assert (targets.heatmap == 1).nonzero().tolist() == [[1, 2, 12, 17]]
    assert targets.code[0, 8] == 1
    assert targets.code[0, 9].isnan()


def test_boxes_out_of_range_and_no_boxes(wide_detector: Detector) -> None:
    outside = _targets(_boxes(np.array([[12.9, 0.0], [0.0, -12.9]])), detector=wide_detector)
    none = _targets(SensorBoxes.empty(), detector=wide_detector)
    for targets in (outside, none):
        assert targets.heatmap.shape == (1, 3, 32, 32)
        assert targets.heatmap.max() == 0
        assert targets.code.shape == (0, 10)


def test_cells_of_an_ignored_box_weigh_nothing(wide_detector: Detector) -> None:
    # a car in cell 18, 17, a doubtful one in the same row four columns on: with radii of 2 the
    # column between them is of both, alike, and so the object's
    spots = np.array([[1.2, 2.0], [4.4, 2.0], [1.2, -4.0]])
    boxes = _boxes(spots, np.array([0, 0, 1]), np.array([0.5, 0.0, 0.0]))
    targets = _targets(boxes, detector=wide_detector)
    assert targets.weight.tolist() == [0.5]
    assert len(targets.code) == len(targets.frame) == 1
    assert (targets.row.item(), targets.column.item()) == (18, 17)
    expected = torch.ones(3, 32, 32)
    expected[0, 16:21, 20:24] = 0  # not column 19
    expected[0, 18, 17] = 0.5
    expected[1, 9:14, 15:20] = 0
    assert torch.equal(targets.cell_weight[0], expected)
    assert targets.heatmap[0, 1:].max() == 0
    alone = _targets(boxes[:1], detector=wide_detector)
    assert torch.equal(targets.heatmap, alone.heatmap)
    assert torch.equal(targets.code[:, :9], alone.code[:, :9])  # the last is unknown


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0], [1, 2, 0]])
def test_of_boxes_at_one_centre_the_heaviest_counts(
    wide_detector: Detector, order: list[int]
) -> None:
    weight = np.array([0.25, 0.75, 0.0])[order]
    targets = _targets(_boxes(np.ones((3, 2)), weight=weight), detector=wide_detector)
    centre = targets.heatmap == 1
    assert targets.cell_weight[centre].tolist() == [0.75]
    assert (targets.cell_weight[~centre] == 1).all()
    assert sorted(targets.weight.tolist()) == [0.25, 0.75]  # of the box codes, each its own


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_weights_equal_a_loop(seed: int) -> None:
    rng = np.random.default_rng(seed)
    detector = DETECTOR.model_copy(update={"range_m": 12.8})
    weight = rng.choice([0.0, 0.25, 0.5, 1.0], 12)
    boxes = _boxes(rng.uniform(-12, 12, (12, 2)), rng.integers(0, 2, 12), weight)
    targets = _targets(boxes, classes=2, detector=detector)
    expected = torch.ones_like(targets.heatmap)
    doubtful = boxes[weight == 0]
    doubt = _targets(
        dataclasses.replace(doubtful, score=np.ones(len(doubtful))), classes=2, detector=detector
    )
    expected[doubt.heatmap > targets.heatmap] = 0
    expected[targets.heatmap == 1] = 0
    for class_index, row, column, value in zip(
        targets.class_index, targets.row, targets.column, targets.weight, strict=True
    ):
        expected[0, class_index, row, column] = max(expected[0, class_index, row, column], value)
    assert torch.equal(targets.cell_weight, expected)
    objects = _targets(boxes[weight > 0], classes=2, detector=detector)
    assert torch.equal(targets.heatmap, objects.heatmap)
    assert torch.equal(targets.row, objects.row)


def test_weights_of_one_change_nothing(wide_detector: Detector) -> None:
    targets = _targets(_boxes(np.array([[1.0, 2.0], [3.0, 2.0]])), detector=wide_detector)
    assert (targets.cell_weight == 1).all()
    assert (targets.weight == 1).all()


def _perfect_outputs(boxes: SensorBoxes, heads: list[list[str]]) -> list[TaskOutput]:
    """What a head would say that has learned the targets by heart."""
    targets, outputs, first = _targets(boxes, classes=10), [], 0
    for task in heads:
        last = first + len(task)
        heatmap = targets.heatmap[:, first:last]
        code = torch.zeros(1, CODE_SIZE, *heatmap.shape[2:])
        rows = (targets.class_index >= first) & (targets.class_index < last)
        code[0, :, targets.row[rows], targets.column[rows]] = targets.code[rows].nan_to_num().T
        terms = dict(zip(BOX_TERMS, code.split(list(BOX_TERMS.values()), dim=1), strict=True))
        outputs.append(TaskOutput(heatmap.logit(eps=1e-6), BoxMaps(terms)))
        first = last
    return outputs


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_decoding_the_targets_gives_the_boxes_back(taxonomy: Taxonomy, seed: int) -> None:
    rng = np.random.default_rng(seed)
    spots = np.stack(np.meshgrid(np.arange(-48, 49, 12), np.arange(-48, 49, 12)), -1)
    chosen = rng.permutation(spots.reshape(-1, 2))[:15] + rng.uniform(-2, 2, (15, 2))
    boxes = _boxes(chosen, rng.integers(0, 10, 15))
    peaks = tiny_predict(min_score=0.99)  # a Gaussian's slope is no centre
    outputs, grid = _perfect_outputs(boxes, taxonomy.heads), Grid.of_maps(DETECTOR)
    (found,) = decode(outputs, taxonomy.heads, np.full(10, 4.0), grid, peaks)
    order, expected = (np.argsort(b.center_m[:, 0]) for b in (found, boxes))
    assert len(found) == 15
    for name in ("class_index", "center_m", "size_m", "yaw_rad"):
        ours, truth = getattr(found, name)[order], getattr(boxes, name)[expected]
        np.testing.assert_allclose(ours, truth, atol=1e-4)
