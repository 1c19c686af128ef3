import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cm3d.models.box_code import BOX_TERMS
from cm3d.models.decode import decode
from cm3d.models.head import TaskOutput
from cm3d.models.sensor_boxes import SensorBoxes
from cm3d.params import Detector, load_params
from cm3d.training.targets import draw_gaussians, gaussian_radius, make_targets

DETECTOR = load_params().detector


def _boxes(center_xy_m: np.ndarray, class_index: np.ndarray | None = None) -> SensorBoxes:
    count = len(center_xy_m)
    index = np.zeros(count, dtype=np.int64) if class_index is None else class_index
    return SensorBoxes(
        class_index=index,
        score=np.ones(count),
        center_m=np.concatenate([center_xy_m, np.full((count, 1), -1.0)], axis=1),
        size_m=np.tile([4.0, 2.0, 1.5], (count, 1)),
        yaw_rad=np.linspace(-3, 3, count),
        velocity_mps=np.tile([1.0, np.nan], (count, 1)),
    )


def test_the_radius_by_hand() -> None:
    # 10 x 10, overlap 0.5: shifting, r^2 - 20 r + 100/3 = 0; shrinking, (10 - 2r)^2 = 50;
    # growing, (10 + 2r)^2 = 200.
    shifted, shrunk, grown = 10 - np.sqrt(100 - 100 / 3), 5 - np.sqrt(12.5), np.sqrt(50) - 5
    assert (shrunk, grown, shifted) == pytest.approx((1.464, 2.071, 1.835), abs=1e-3)
    assert gaussian_radius(np.array([[10.0, 10.0]]), 0.5) == pytest.approx([shrunk])


@given(width=st.floats(0.1, 30), length=st.floats(0.1, 30), overlap=st.floats(0.05, 0.95))
def test_corners_moved_by_the_radius_keep_the_overlap(
    width: float, length: float, overlap: float
) -> None:
    radius = gaussian_radius(np.array([[length, width]]), overlap)[0]
    area = width * length
    shrunk = (width - 2 * radius) * (length - 2 * radius) / area
    grown = area / ((width + 2 * radius) * (length + 2 * radius))
    common = (width - radius) * (length - radius)
    assert min(shrunk, grown, common / (2 * area - common)) == pytest.approx(overlap, abs=1e-6)


def test_a_gaussian_by_hand() -> None:
    heatmap = draw_gaussians((2, 6, 6), *(np.array([v]) for v in (1, 2, 1, 2)))
    sigma = 5 / 6
    assert heatmap[0].max() == 0
    assert heatmap[1, 2, 1] == 1
    assert heatmap[1, 2, 2] == pytest.approx(np.exp(-1 / (2 * sigma**2)))
    assert heatmap[1, 4, 3] == pytest.approx(np.exp(-8 / (2 * sigma**2)))
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
    heatmap = draw_gaussians((3, 12, 12), channel, row, column, radius)
    np.testing.assert_allclose(heatmap, expected, rtol=1e-6)


def test_a_target_cell_by_hand(detector: Detector) -> None:
    targets = make_targets(_boxes(np.array([[1.0, -3.1]])), detector)  # cells of 0.8 m
    assert (targets.row[0], targets.column[0]) == (12, 17)  # 9.7 / 0.8, 13.8 / 0.8
    np.testing.assert_allclose(targets.code[0, :2], [0.25, 0.125], atol=1e-6)
    assert targets.heatmap[0, 12, 17] == 1
    assert (targets.heatmap == 1).sum() == 1
    assert targets.code[0, 8] == 1
    assert np.isnan(targets.code[0, 9])


def test_boxes_out_of_range_and_no_boxes(detector: Detector) -> None:
    outside = make_targets(_boxes(np.array([[12.9, 0.0], [0.0, -12.9]])), detector)
    none = make_targets(SensorBoxes.empty(), detector)
    for targets in (outside, none):
        assert targets.heatmap.shape == (3, 32, 32)
        assert targets.heatmap.max() == 0
        assert targets.code.shape == (0, 10)


def _perfect_outputs(boxes: SensorBoxes) -> list[TaskOutput]:
    """What a head would say that has learned the targets by heart."""
    targets, outputs, first = make_targets(boxes, DETECTOR), [], 0
    for task in DETECTOR.tasks:
        last = first + len(task)
        heatmap = torch.from_numpy(targets.heatmap[None, first:last])
        code = torch.zeros(1, sum(BOX_TERMS.values()), *heatmap.shape[2:])
        rows = (targets.class_index >= first) & (targets.class_index < last)
        values = torch.from_numpy(np.nan_to_num(targets.code[rows]))
        code[0, :, targets.row[rows], targets.column[rows]] = values.T
        terms = dict(zip(BOX_TERMS, code.split(list(BOX_TERMS.values()), dim=1), strict=True))
        outputs.append(TaskOutput(heatmap.logit(eps=1e-6), terms))
        first = last
    return outputs


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_decoding_the_targets_gives_the_boxes_back(seed: int) -> None:
    rng = np.random.default_rng(seed)
    spots = np.stack(np.meshgrid(np.arange(-48, 49, 12), np.arange(-48, 49, 12)), -1)
    chosen = rng.permutation(spots.reshape(-1, 2))[:15] + rng.uniform(-2, 2, (15, 2))
    boxes = _boxes(chosen, rng.integers(0, len(DETECTOR.class_names), 15))
    (found,) = decode(_perfect_outputs(boxes), DETECTOR)
    order, expected = (np.argsort(b.center_m[:, 0]) for b in (found, boxes))
    assert len(found) == 15
    for name in ("class_index", "center_m", "size_m", "yaw_rad"):
        ours, truth = getattr(found, name)[order], getattr(boxes, name)[expected]
        np.testing.assert_allclose(ours, truth, atol=1e-4)
