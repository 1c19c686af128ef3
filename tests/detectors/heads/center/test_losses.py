import numpy as np
import pytest
import torch

from cm3d.detectors.boxes import SensorBoxes
from cm3d.detectors.heads.center.box_code import BOX_TERMS
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
    expected = 0.25 * np.log(2) * (1 + 0.5**4 + 1)
    assert focal_loss(torch.zeros_like(heatmap), heatmap).tolist() == pytest.approx([expected])


def test_focal_loss_without_centres_and_at_extremes_is_finite() -> None:
    logits = torch.tensor([-200.0, 200.0], requires_grad=True).view(1, 1, 1, 2)
    loss = focal_loss(logits, torch.zeros(1, 1, 1, 2))
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
    expected = focal_loss(flat[:1], once.heatmap[:, :1]).item() / 3
    assert of_one["heatmap/car"].item() == pytest.approx(expected)
