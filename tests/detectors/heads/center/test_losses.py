from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor

from cm3d.detectors.boxes import SensorBoxes
from cm3d.detectors.heads.center.box_code import BOX_TERMS, CODE_SIZE
from cm3d.detectors.heads.center.head import BoxMaps, TaskOutput
from cm3d.detectors.heads.center.losses import detection_loss, focal_loss, masked_l1
from cm3d.detectors.heads.center.targets import Targets, make_targets
from cm3d.detectors.inputs import Batch, Sample, collate
from cm3d.detectors.registry import build_detector
from cm3d.params import Detector
from cm3d.taxonomy import Taxonomy


def _targets(batch: Batch, detector: Detector) -> Targets:
    return make_targets(batch.labels, batch.inputs.frames, 3, detector)


def test_focal_loss_by_hand() -> None:
    # p = 0.5 everywhere; one centre, one cell at 0.5, one empty: with q = 0.25 ln 2 the terms
    # are q, (1 - 0.5)^4 q and q.
    heatmap = torch.tensor([1.0, 0.5, 0.0]).view(1, 1, 1, 3)
    logits, q = torch.zeros_like(heatmap), 0.25 * np.log(2)
    loss = focal_loss(logits, heatmap, torch.ones_like(heatmap))
    assert loss.tolist() == pytest.approx([q * (1 + 0.5**4 + 1)])
    weight = torch.tensor([0.5, 1.0, 0.0]).view(1, 1, 1, 3)
    loss = focal_loss(logits, heatmap, weight)
    assert loss.tolist() == pytest.approx([q * (0.5 + 0.5**4)])


def test_focal_loss_without_centres_and_at_extremes_is_finite() -> None:
    logits = torch.tensor([-200.0, 200.0], requires_grad=True).view(1, 1, 1, 2)
    loss = focal_loss(logits, torch.zeros(1, 1, 1, 2), torch.ones(1, 1, 1, 2))
    assert loss.item() == pytest.approx(200.0)
    assert torch.isfinite(torch.autograd.grad(loss, logits)[0]).all()


def test_l1_leaves_unknown_entries_out() -> None:
    code = torch.tensor([[1.0, 5.0], [3.0, 7.0]], requires_grad=True)
    target = torch.tensor([[0.0, float("nan")], [0.0, 4.0]])
    loss = masked_l1(code, target, torch.tensor([1.0, 10.0]))
    assert loss.tolist() == pytest.approx([1, 3 + 10 * 3])
    gradient = torch.autograd.grad(loss.sum(), code)[0]
    assert gradient.tolist() == [[1.0, 0.0], [1.0, 10.0]]


def test_l1_of_no_boxes_is_zero() -> None:
    loss = masked_l1(torch.zeros(0, 10), torch.zeros(0, 10), torch.ones(10))
    assert len(loss) == 0


def test_terms_are_named_by_task_and_weighted(wide_detector: Detector, classes: Taxonomy) -> None:
    detector = wide_detector
    boxes = SensorBoxes(
        class_index=np.array([0, 2]),
        score=np.ones(2),
        center_m=np.array([[1.0, 2.0, 0.0], [-4.0, 3.0, 0.0]]),
        size_m=np.ones((2, 3)),
        yaw_rad=np.zeros(2),
        velocity_mps=np.array([[np.nan, np.nan], [2.0, 0.0]]),
    )
    points = np.zeros((1, 5), dtype=np.float32)
    batch = collate([Sample("", points, SensorBoxes.empty())] * 2)
    with_boxes = _targets(collate([Sample("", points, boxes)] * 2), detector)
    without = _targets(batch, detector)
    outputs = build_detector(detector, classes, 0).eval()(batch.inputs)
    terms = detection_loss(outputs, with_boxes, classes.heads, detector)
    assert list(terms) == [
        "heatmap/car",
        "box/car",
        "heatmap/pedestrian_traffic_cone",
        "box/pedestrian_traffic_cone",
    ]
    assert detection_loss(outputs, without, classes.heads, detector)["box/car"].item() == 0
    heavier = detector.model_copy(update={"box_loss_weight": 2 * detector.box_loss_weight})
    doubled = detection_loss(outputs, with_boxes, classes.heads, heavier)
    assert doubled["box/car"].item() == pytest.approx(2 * terms["box/car"].item())
    assert doubled["heatmap/car"].item() == terms["heatmap/car"].item()
    still = detection_loss(
        outputs,
        with_boxes,
        classes.heads,
        detector.model_copy(update={"velocity_loss_weight": 0.0}),
    )
    assert still["box/car"].item() == pytest.approx(terms["box/car"].item())  # velocity unknown
    lighter = still["box/pedestrian_traffic_cone"].item()
    expected = lighter + 0.25 * 0.2 * 2  # an untrained head says 0 m/s, the label 2 m/s
    assert terms["box/pedestrian_traffic_cone"].item() == pytest.approx(expected, abs=0.01)


def test_terms_are_per_centre_and_per_box(wide_detector: Detector, classes: Taxonomy) -> None:
    detector = wide_detector
    boxes = SensorBoxes(
        class_index=np.zeros(3, np.int64),
        score=np.ones(3),
        center_m=np.array([[1.0, 2.0, 0.0], [-4.0, 3.0, 0.0], [8.0, -7.0, 0.0]]),
        size_m=np.ones((3, 3)),
        yaw_rad=np.zeros(3),
        velocity_mps=np.zeros((3, 2)),
    )
    points = np.zeros((1, 5), dtype=np.float32)
    once = _targets(collate([Sample("", points, boxes)]), detector)
    twice = _targets(collate([Sample("", points, boxes)] * 2), detector)
    flat = torch.zeros(2, 1, 32, 32)
    terms = BoxMaps({name: torch.zeros(2, width, 32, 32) for name, width in BOX_TERMS.items()})
    nothing = TaskOutput(torch.zeros(2, 2, 32, 32), terms)
    of_two = detection_loss([TaskOutput(flat, terms), nothing], twice, classes.heads, detector)
    first = BoxMaps({name: values[:1] for name, values in terms.terms.items()})
    of_one = detection_loss(
        [TaskOutput(flat[:1], first), TaskOutput(torch.zeros(1, 2, 32, 32), first)],
        once,
        classes.heads,
        detector,
    )
    assert of_two["heatmap/car"].item() == pytest.approx(of_one["heatmap/car"].item())
    assert of_two["box/car"].item() == pytest.approx(of_one["box/car"].item(), rel=1e-4)
    ones = torch.ones_like(flat[:1])
    expected = focal_loss(flat[:1], once.heatmap[:, :1], ones).item() / 3
    assert of_one["heatmap/car"].item() == pytest.approx(expected)


# Of maps of 32 x 32 cells of 0.8 m: boxes of 1 m have a radius of 2 cells, the least.
CAR, PEDESTRIAN = (0, 1.2, 2.0), (1, -4.0, -4.0)  # cells [row, column] 18, 17 and 11, 11
DOUBTFUL = (0, -6.0, 6.0)  # a car in cell 23, 8


def _boxes(*rows: tuple[int, float, float], weights: tuple[float, ...] = ()) -> SensorBoxes:
    """Cubes of 1 m from (class, x, y) rows, standing still."""
    return SensorBoxes(
        class_index=np.array([row[0] for row in rows], dtype=np.int64),
        score=np.array(weights or [1.0] * len(rows)),
        center_m=np.array([(x, y, 0.0) for _, x, y in rows]).reshape(-1, 3),
        size_m=np.ones((len(rows), 3)),
        yaw_rad=np.zeros(len(rows)),
        velocity_mps=np.zeros((len(rows), 2)),
    )


@dataclass(frozen=True, eq=False)
class Learned:
    """Terms of one frame, with their gradients in the maps (channels, rows, columns)."""

    targets: Targets
    terms: dict[str, float]
    heatmap: Tensor
    codes: Tensor


def _outputs(classes: Taxonomy, seed: int | None) -> list[TaskOutput]:
    """Maps that gradients are asked for; without a seed they are zero."""
    outputs = []
    for index, names in enumerate(classes.heads):
        shape = (1, len(names) + CODE_SIZE, 32, 32)
        maps = torch.zeros(shape)
        if seed is not None:
            maps = torch.randn(shape, generator=torch.Generator().manual_seed(seed + index))
        heatmap, *terms = maps.split([len(names), *BOX_TERMS.values()], dim=1)
        leaves = [part.clone().requires_grad_() for part in (heatmap, *terms)]
        outputs.append(
            TaskOutput(leaves[0], BoxMaps(dict(zip(BOX_TERMS, leaves[1:], strict=True))))
        )
    return outputs


def _learn(
    boxes: SensorBoxes, detector: Detector, classes: Taxonomy, seed: int | None = None
) -> Learned:
    targets = _targets(collate([Sample("", np.zeros((1, 5), np.float32), boxes)]), detector)
    outputs = _outputs(classes, seed)
    terms = detection_loss(outputs, targets, classes.heads, detector)
    torch.stack(list(terms.values())).sum().backward()
    return Learned(
        targets,
        {name: term.item() for name, term in terms.items()},
        _gradient([output.heatmap for output in outputs]),
        _gradient([maps for output in outputs for maps in output.boxes.values()]),
    )


def _gradient(maps: list[Tensor]) -> Tensor:
    found = [values.grad for values in maps]
    assert not any(gradient is None for gradient in found)
    return torch.cat([gradient[0] for gradient in found if gradient is not None])


def test_a_frame_with_an_ignored_box_by_hand(wide_detector: Detector, classes: Taxonomy) -> None:
    # p = 0.5 everywhere, q = 0.25 ln 2: the centre, its 24 neighbours, and all other cells but the
    # 25 of the ignored car; one centre is counted
    neighbours = np.array([n for n in range(-2, 3)])
    gaussian = np.exp(-(neighbours[:, None] ** 2 + neighbours**2) / (2 * (5 / 6) ** 2))
    around = ((1 - gaussian) ** 4).sum()  # nought in the centre
    expected = 0.25 * np.log(2) * (1 + around + 32 * 32 - 25 - 25)
    learned = _learn(_boxes(CAR, DOUBTFUL, weights=(1.0, 0.0)), wide_detector, classes)
    assert learned.terms["heatmap/car"] == pytest.approx(expected, rel=1e-5)
    certain = _learn(_boxes(CAR), wide_detector, classes)
    gone = 0.25 * np.log(2) * 25
    assert certain.terms["heatmap/car"] == pytest.approx(expected + gone, rel=1e-5)
    for name in ("box/car", "heatmap/pedestrian_traffic_cone", "box/pedestrian_traffic_cone"):
        assert learned.terms[name] == certain.terms[name]


def test_ignored_cells_have_no_gradient_and_others_the_same(
    wide_detector: Detector, classes: Taxonomy
) -> None:
    doubtful = _boxes(CAR, DOUBTFUL, PEDESTRIAN, weights=(1.0, 0.0, 1.0))
    learned = _learn(doubtful, wide_detector, classes, seed=0)
    certain = _learn(_boxes(CAR, PEDESTRIAN), wide_detector, classes, seed=0)
    ignored = torch.zeros(3, 32, 32, dtype=torch.bool)
    ignored[0, 21:26, 6:11] = True
    assert (learned.heatmap[ignored] == 0).all()
    assert torch.equal(learned.heatmap[~ignored], certain.heatmap[~ignored])
    assert (certain.heatmap != 0).all()
    assert torch.equal(learned.codes, certain.codes)


def test_a_half_weight_halves_the_terms_of_its_box(
    wide_detector: Detector, classes: Taxonomy
) -> None:
    whole = _learn(_boxes(CAR, PEDESTRIAN), wide_detector, classes, seed=1)
    half = _learn(_boxes(CAR, PEDESTRIAN, weights=(0.5, 1.0)), wide_detector, classes, seed=1)
    assert half.terms["box/car"] == pytest.approx(whole.terms["box/car"] / 2)
    name = "box/pedestrian_traffic_cone"
    assert half.terms[name] == whole.terms[name] > 0
    assert torch.equal(half.codes[:CODE_SIZE], whole.codes[:CODE_SIZE] / 2)
    centre = torch.zeros(3, 32, 32, dtype=torch.bool)
    centre[0, 18, 17] = True
    assert torch.equal(half.heatmap[centre], whole.heatmap[centre] / 2)
    assert torch.equal(half.heatmap[~centre], whole.heatmap[~centre])


def test_a_batch_of_uncertain_boxes_pulls_less(wide_detector: Detector, classes: Taxonomy) -> None:
    # counts, not sums of weights, divide: the background's share of the loss stays
    whole = _learn(_boxes(CAR), wide_detector, classes)
    faint = _learn(_boxes(CAR, weights=(0.25,)), wide_detector, classes)
    q = 0.25 * np.log(2)
    assert whole.terms["heatmap/car"] - faint.terms["heatmap/car"] == pytest.approx(
        0.75 * q, rel=1e-3
    )


def test_nothing_but_ignored_boxes(wide_detector: Detector, classes: Taxonomy) -> None:
    learned = _learn(_boxes(DOUBTFUL, weights=(0.0,)), wide_detector, classes)
    assert learned.terms["box/car"] == 0
    assert learned.terms["heatmap/car"] == pytest.approx(0.25 * np.log(2) * (32 * 32 - 25))
    assert (learned.codes == 0).all()
    assert learned.heatmap.isfinite().all()


def test_without_weights_not_a_byte_is_another(wide_detector: Detector, classes: Taxonomy) -> None:
    """All boxes of weight 1, against the loss as it is without weights."""
    rng = np.random.default_rng(0)
    rows = [(int(rng.integers(3)), *rng.uniform(-12, 12, 2)) for _ in range(40)]
    learned = _learn(_boxes(*rows), wide_detector, classes, seed=2)
    outputs, targets, first = _outputs(classes, 2), learned.targets, 0
    scale = torch.full((CODE_SIZE,), wide_detector.box_loss_weight)
    scale[-2:] *= wide_detector.velocity_loss_weight
    expected = []
    for output, names in zip(outputs, classes.heads, strict=True):
        last = first + len(names)
        heatmap, logits = targets.heatmap[:, first:last], output.heatmap
        hit, miss = (torch.nn.functional.logsigmoid(x) for x in (logits, -logits))
        centre = torch.where(heatmap == 1, (1 - hit.exp()) ** 2 * hit, 0.0)
        cells = centre + (1 - heatmap) ** 4 * hit.exp() ** 2 * miss
        expected.append(-cells.sum(dim=(0, 2, 3)).sum() / (heatmap == 1).sum())
        of = (targets.class_index >= first) & (targets.class_index < last)
        code = output.codes.at(targets.frame[of], targets.row[of], targets.column[of])
        distance = (code - targets.code[of]).abs() @ scale
        expected.append(distance.sum() / (of.sum() + 1e-4))
        first = last
    torch.stack(expected).sum().backward()
    assert torch.equal(learned.heatmap, _gradient([output.heatmap for output in outputs]))
    codes = [maps for output in outputs for maps in output.boxes.values()]
    assert torch.equal(learned.codes, _gradient(codes))
    wanted = [term.item() for term in expected]
    assert list(learned.terms.values()) == pytest.approx(wanted, rel=1e-6)
