"""What training and inference count on, for every detector, and that they count on nothing else."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from cm3d import params
from cm3d.detectors.boxes import SensorBoxes
from cm3d.detectors.inputs import Batch, Inputs, LabelTensors, Sample, collate
from cm3d.detectors.protocol import Detector, Needs, ParameterGroup
from cm3d.detectors.registry import DETECTORS, build_detector
from cm3d.params import Schedule, Training, load_params
from cm3d.tables import Boxes3D, Sweeps
from cm3d.taxonomy import Taxonomy
from cm3d.training.frames import TrainingFrame
from cm3d.training.inference import predict
from cm3d.training.loop import Machinery, train
from cm3d.training.recipe import Recipe
from tests.tiny_detector import (
    sensors_at,
    tiny_bevfusion,
    tiny_detector,
    tiny_images,
    tiny_predict,
    tiny_taxonomy,
)

RANGE_M = 6.4
CLASSES = tiny_taxonomy()

# A small section for every encoder of every detector.
SECTIONS = {
    "centerpoint, pillars": {"name": "centerpoint", "encoder": "pillars"},
    "centerpoint, voxels": {
        "name": "centerpoint",
        "encoder": "voxels",
        "cell_m": 0.2,
        "sparse_channels": [4, 4, 8, 8],
        "block_strides": [1, 2],
    },
    "bevfusion, LiDAR": {"name": "bevfusion", "bevfusion": tiny_bevfusion("lidar")},
    "bevfusion, cameras": {"name": "bevfusion", "bevfusion": tiny_bevfusion("cameras")},
    "bevfusion, both": {"name": "bevfusion", "bevfusion": tiny_bevfusion("lidar_cameras")},
    "bevfusion, both, depths of LiDAR": {
        "name": "bevfusion",
        "bevfusion": tiny_bevfusion("lidar_cameras", lidar_depth=True),
    },
}
SHAPES = {"range_m": RANGE_M, "block_channels": [8, 8], "block_layers": [1, 0], "sweeps": 1}


class ToyDetector(Detector):
    """Points pooled into 4 x 4 cells, and in each a box of 1 m at its points' mean."""

    SIDE: ClassVar = 4

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.needs = Needs(CLASSES.class_names, 1, 1.0, RANGE_M, -5.0, 3.0)
        generator = torch.Generator().manual_seed(seed)
        self.score = nn.Linear(4, 3)
        self.move = nn.Linear(4, 3)
        for parameter in self.parameters():
            parameter.data = 0.1 * torch.randn(parameter.shape, generator=generator)

    def forward(self, inputs: Inputs) -> tuple[Tensor, Tensor]:
        points = inputs.points
        assert points is not None
        cell = self._cell(points.values, points.frame)
        count = torch.zeros(inputs.frames * self.SIDE**2).index_add(0, cell, torch.ones(len(cell)))
        total = torch.zeros(len(count), 3).index_add(0, cell, points.values[:, :3])
        mean = total / count.clamp(min=1)[:, None]
        features = torch.cat([mean / RANGE_M, count[:, None].clamp(max=10) / 10], dim=1)
        return self.score(features), mean + self.move(features)

    def targets(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        labels = batch.labels[batch.labels.weight > 0]  # it knows no other weights
        cell = self._cell(labels.boxes.center_m, labels.frame)
        hot = torch.zeros(batch.inputs.frames * self.SIDE**2, 3)
        hot[cell, labels.class_index] = 1.0
        return hot, cell, labels.boxes.center_m

    def loss(self, outputs: Any, targets: Any) -> dict[str, Tensor]:
        (logits, center_m), (hot, cell, wanted_m) = outputs, targets
        return {
            "class": nn.functional.binary_cross_entropy_with_logits(logits, hot),
            "centre": (center_m[cell] - wanted_m).abs().mean(),
        }

    def boxes(self, outputs: Any, predict: params.Predict) -> list[SensorBoxes]:
        logits, center_m = outputs
        score, class_index = logits.sigmoid().view(-1, self.SIDE**2, 3).max(dim=2)
        found = []
        for frame, centers in enumerate(center_m.view(-1, self.SIDE**2, 3)):
            order = score[frame].argsort(descending=True)[: predict.max_boxes]
            found.append(
                SensorBoxes(
                    class_index=class_index[frame][order].numpy(),
                    score=score[frame][order].double().numpy(),
                    center_m=centers[order].double().numpy(),
                    size_m=np.ones((len(order), 3)),
                    yaw_rad=np.zeros(len(order)),
                    velocity_mps=np.full((len(order), 2), np.nan),
                )
            )
        return found

    def parameter_groups(self) -> list[ParameterGroup]:
        return [
            ParameterGroup(list(self.score.parameters())),
            ParameterGroup(list(self.move.parameters()), lr_factor=0.0),
        ]

    def _cell(self, xyz_m: Tensor, frame: Tensor) -> Tensor:
        column, row = ((xyz_m[:, :2] + RANGE_M) / (2 * RANGE_M / self.SIDE)).long().unbind(1)
        return (frame * self.SIDE + row.clamp(0, 3)) * self.SIDE + column.clamp(0, 3)


def _registered(case: str) -> Callable[[int], Detector]:
    section = tiny_detector(**SHAPES | SECTIONS[case])
    return lambda seed: build_detector(section, CLASSES, seed)


@pytest.fixture(params=[*SECTIONS, "toy"])
def build(request: pytest.FixtureRequest) -> Callable[[int], Detector]:
    """Builds a detector from a seed."""
    if "voxels" in request.param:
        pytest.importorskip("spconv", reason="spconv is not installed")
    return ToyDetector if request.param == "toy" else _registered(request.param)


def _sample(seed: int) -> Sample:
    """A car, a pedestrian and a cone of 60 points each, and 200 points on the ground."""
    rng = np.random.default_rng(seed)
    center_m = np.array([[2.0, 3.0, 0.0], [-4.0, -2.0, 0.0], [4.5, -4.5, -0.5]])
    size_m = np.array([[4.0, 1.8, 1.5], [0.8, 0.6, 1.8], [0.4, 0.4, 0.8]])
    xyz_m = (center_m + rng.uniform(-0.5, 0.5, (60, 3, 3)) * size_m).reshape(-1, 3)
    ground_m = np.append(rng.uniform(-RANGE_M, RANGE_M, (200, 2)), np.full((200, 1), -1.0), 1)
    xyz_m = np.concatenate([xyz_m, ground_m])
    rest = np.stack([rng.uniform(0, 1, len(xyz_m)), np.zeros(len(xyz_m))], axis=1)
    boxes = SensorBoxes(
        class_index=np.arange(3),
        score=np.ones(3),
        center_m=center_m,
        size_m=size_m,
        yaw_rad=rng.uniform(-3, 3, 3),
        velocity_mps=np.array([[5.0, 0.0], [np.nan, np.nan], [0.0, 0.0]]),
    )
    points = np.concatenate([xyz_m, rest], axis=1).astype(np.float32)
    return Sample(str(seed), points, boxes, tiny_images(rng))


@pytest.fixture(scope="module")
def batch() -> Batch:
    """Two frames."""
    return collate([_sample(0), _sample(1)])


def test_every_detector_of_the_registry_is_tried() -> None:
    assert {str(section["name"]) for section in SECTIONS.values()} == set(DETECTORS)
    assert load_params().detector.name in DETECTORS


def test_training_and_its_stages_know_the_protocol_alone(project: Path) -> None:
    files = [
        *(project / "src/cm3d/training").glob("*.py"),
        *(project / "stages/shared").glob("*.py"),
    ]
    files += [
        project / f"stages/{name}.py" for name in ("finetune", "selftrain", "relabel", "predict")
    ]
    contract = {"boxes", "inputs", "protocol", "ranks", "registry"}
    for file in files:
        text = file.read_text()
        imported = set(re.findall(r"cm3d\.detectors\.(\w+)", text))
        assert imported <= contract, file.name
        assert not re.search("heatmap|voxel|pillar|CenterHead", text), file.name


def test_loss_terms_are_finite_and_reach_every_parameter(build, batch: Batch) -> None:
    model = build(0).train()
    terms = model.loss(model(batch.inputs), model.targets(batch))
    assert len(terms) > 0
    assert all(term.ndim == 0 and term.isfinite() for term in terms.values())
    torch.stack(list(terms.values())).sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
    reached = [bool(parameter.grad.any()) for parameter in model.parameters()]
    assert np.mean(reached) > 0.9  # a ReLU may happen to be silent


def test_the_loss_takes_outputs_in_half_precision(build, batch: Batch) -> None:
    """As the trainer makes them on a GPU: the network within autocast, the loss without."""
    terms = {}
    for half in (False, True):
        model = build(0).train()
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            outputs = model(batch.inputs)
        terms[half] = model.loss(outputs, model.targets(batch))
        torch.stack(list(terms[half].values())).sum().backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
    for name, term in terms[False].items():
        torch.testing.assert_close(terms[True][name], term, rtol=0.1, atol=0.02, msg=name)


def test_terms_have_the_same_names_without_boxes(build, batch: Batch) -> None:
    model = build(0).train()
    bare = collate([replace(_sample(2), boxes=SensorBoxes.empty()), _sample(3)])
    names = [list(model.loss(model(b.inputs), model.targets(b))) for b in (batch, bare)]
    assert names[0] == names[1]


def test_an_ignored_box_is_no_object(build, batch: Batch) -> None:
    """Whatever is said of it, which way it heads, moves and how high it is: nothing is learned."""
    model = build(0).eval()
    labels, outputs = batch.labels, model(batch.inputs)
    weight = torch.ones(6).index_fill(0, torch.tensor([1, 3]), 0.0)

    def terms(labels: LabelTensors) -> dict[str, Tensor]:
        return dict(model.loss(outputs, model.targets(replace(batch, labels=labels))))

    ignored = replace(labels, weight=weight)
    doubt = (weight == 0)[:, None]
    boxes = labels.boxes
    changed = replace(
        boxes,
        center_m=boxes.center_m + doubt * torch.tensor([0.0, 0.0, 0.7]),
        yaw_rad=boxes.yaw_rad + 1.3 * doubt[:, 0],
        velocity_mps=torch.where(doubt, 9.0, boxes.velocity_mps),
    )
    learned, otherwise = terms(ignored), terms(replace(ignored, boxes=changed))
    assert all(term.isfinite() for term in learned.values())
    assert all(torch.equal(learned[name], otherwise[name]) for name in learned)
    certain = terms(replace(labels, boxes=changed))
    assert any(not torch.equal(learned[name], certain[name]) for name in learned)


@pytest.mark.parametrize("double_flip", [False, True])
def test_boxes_are_of_its_classes_and_as_many_as_asked_for(
    build, batch: Batch, double_flip: bool
) -> None:
    model = build(0).eval()
    choice = tiny_predict(min_score=0.0, max_boxes=7, double_flip=double_flip)
    with torch.inference_mode():
        found = model.detect(batch.inputs, choice)
        again = model.detect(batch.inputs, choice)
    assert [len(boxes) for boxes in found] == [7, 7]
    for boxes, same in zip(found, again, strict=True):
        assert isinstance(boxes, SensorBoxes)
        assert boxes.class_index.dtype == np.int64
        assert ((boxes.class_index >= 0) & (boxes.class_index < len(model.class_names))).all()
        assert ((boxes.score >= 0) & (boxes.score <= 1)).all()
        assert (np.diff(boxes.score) <= 0).all()
        assert boxes.center_m.shape == boxes.size_m.shape == (7, 3)
        assert (boxes.size_m > 0).all()
        assert boxes.velocity_mps.shape == (7, 2)
        np.testing.assert_array_equal(boxes.center_m, same.center_m)


def test_parameter_groups_hold_every_parameter_once(build) -> None:
    model = build(0)
    grouped = [id(p) for group in model.parameter_groups() for p in group.parameters]
    assert sorted(grouped) == sorted(id(parameter) for parameter in model.parameters())


def test_the_seed_alone_decides_the_weights(build) -> None:
    first, again, other = (build(seed).state_dict() for seed in (3, 3, 4))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_needs_name_its_classes_and_keys_of_its_section(build) -> None:
    model = build(0)
    assert set(model.class_names) == set(CLASSES.class_names)
    assert model.needs.sweeps == 1
    known = set(type(load_params().network).model_fields)
    assert {name.split(".")[0] for name in model.training_only} <= known


def test_a_detector_that_training_never_heard_of_is_trained_and_run(
    tmp_path: Path, taxonomy: Taxonomy
) -> None:
    frames = [_keyframe(_sample(seed), tmp_path) for seed in (0, 1)]
    schedule = Schedule.model_validate(
        {name: getattr(load_params().finetune, name) for name in Schedule.model_fields}
        | {"epochs": 2, "batch_size": 2, "max_lr": 0.1}
    )
    shared = Training(schedule=1, precision="fp32", ema_decay=0.0)
    recipe = Recipe(load_params().network, CLASSES, schedule, shared, seed=0)
    model, cpu = ToyDetector(0), torch.device("cpu")
    before = {name: value.clone() for name, value in model.state_dict().items()}
    trained = train(model, frames, recipe, sensors=sensors_at(tmp_path), machinery=Machinery(cpu))
    assert [set(row) for row in trained.history] == [
        {"epoch", "step", "lr", "loss", "gradient", "class", "centre"}
    ] * 2
    after = trained.model.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"score.weight", "score.bias"}  # the other group's learning rate is nought
    found = predict(
        trained.model,
        frames,
        sensors=sensors_at(tmp_path),
        taxonomy=taxonomy,
        chosen=tiny_predict(max_boxes=5),
        device=cpu,
    ).table
    assert found.sample_token.tolist() == ["0"] * 5 + ["1"] * 5
    assert set(found.class_name) <= set(CLASSES.class_names)


def _keyframe(sample: Sample, folder: Path) -> TrainingFrame:
    """The sample as files and tables, at the origin."""
    assert sample.points is not None
    stored = sample.points * np.array([1, 1, 1, 255, 0], dtype=np.float32)
    stored.tofile(folder / f"{sample.token}.bin")
    boxes, count = sample.boxes, len(sample.boxes)
    return TrainingFrame(
        sample.token,
        Sweeps.from_columns(
            sample_token=[sample.token],
            sweep_index=[0],
            path=[f"{sample.token}.bin"],
            time_lag_s=[0.0],
            global_SE3_lidar=[(1.0, 0, 0, 0, 0, 0, 0)],
        ),
        Boxes3D.from_columns(
            sample_token=[sample.token] * count,
            class_name=list(CLASSES.class_names),
            score=boxes.score,
            center_m=boxes.center_m,
            length_m=boxes.size_m[:, 0],
            width_m=boxes.size_m[:, 1],
            height_m=boxes.size_m[:, 2],
            yaw_rad=boxes.yaw_rad,
            velocity_mps=boxes.velocity_mps,
            attribute_name=[""] * count,
        ),
    )
