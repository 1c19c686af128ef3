"""What BEVFusion adds to the contract: branches, weights that go between them, what is frozen."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cm3d.detectors.bevfusion import BevFusion, build
from cm3d.detectors.boxes import SensorBoxes
from cm3d.detectors.heads.center.double_flip import mirror_image
from cm3d.detectors.inputs import Inputs, Points, Sample, collate, stack_inputs
from cm3d.detectors.registry import build_detector, trained_section, trainings
from cm3d.errors import InputError
from cm3d.params import Network, load_params
from cm3d.training.checkpoint import load_model, save_model
from tests.tiny_detector import tiny_bevfusion, tiny_detector, tiny_images, tiny_taxonomy

CLASSES = tiny_taxonomy()
SHAPES: dict[str, Any] = {"range_m": 6.4, "block_channels": [8, 8], "block_layers": [1, 0]}


def section(modality: str, **own: Any) -> Network:
    bevfusion = tiny_bevfusion(modality).model_copy(update=own)
    return tiny_detector(**SHAPES, name="bevfusion", bevfusion=bevfusion)


def sample_of(seed: int) -> Sample:
    rng = np.random.default_rng(seed)
    points = np.concatenate([rng.uniform(-5, 5, (300, 3)), rng.uniform(0, 1, (300, 2))], axis=1)
    return Sample("a", points.astype(np.float32), SensorBoxes.empty(), tiny_images(rng))


def inputs() -> Inputs:
    return stack_inputs([sample_of(0)])


def test_its_lidar_branch_is_centerpoint() -> None:
    centerpoint = build_detector(tiny_detector(**SHAPES), CLASSES, 0)
    branch = build_detector(section("lidar"), CLASSES, 0)
    theirs, own = centerpoint.state_dict(), branch.state_dict()
    assert list(theirs) == list(own)
    assert all(torch.equal(theirs[name], own[name]) for name in own)


def test_each_sensor_is_looked_at() -> None:
    model, seen = build(section("lidar_cameras"), CLASSES).eval(), inputs()
    assert seen.points is not None
    assert seen.images is not None
    dark = replace(seen.images, pixels=torch.zeros_like(seen.images.pixels))
    moved = Points(seen.points.values * 0.9, seen.points.frame)
    with torch.inference_mode():
        usual, without_light, without_points = (
            model.canvas(given)
            for given in (seen, replace(seen, images=dark), replace(seen, points=moved))
        )
    assert not torch.equal(usual, without_light)
    assert not torch.equal(usual, without_points)


@pytest.mark.parametrize("mirrored", [False, True])
def test_depths_are_of_the_points_that_the_encoder_looks_at(mirrored: bool) -> None:
    """A crowded cloud in wide pillars, and the same without what they do not hold."""
    bevfusion = tiny_bevfusion("lidar_cameras", lidar_depth=True)
    crowded = tiny_detector(**SHAPES, name="bevfusion", bevfusion=bevfusion, max_points=1)
    model, sample = build(crowded, CLASSES).eval(), sample_of(0)
    assert sample.points is not None
    held = model.needs.sift(sample.points)
    assert len(held) < len(sample.points)
    whole, sifted = (stack_inputs([replace(sample, points=p)]) for p in (sample.points, held))
    if mirrored:
        whole, sifted = (mirror_image(given, True, False) for given in (whole, sifted))
    with torch.inference_mode():
        assert torch.equal(model.canvas(whole), model.canvas(sifted))


def test_of_cameras_alone_points_change_nothing() -> None:
    model, seen = build(section("cameras"), CLASSES).eval(), inputs()
    assert not model.needs.points
    with torch.inference_mode():
        first, then = (model.canvas(given) for given in (seen, replace(seen, points=None)))
    assert torch.equal(first, then)


def test_a_camera_without_an_image_counts_as_none() -> None:
    model, seen = build(section("cameras"), CLASSES).eval(), inputs()
    assert seen.images is not None
    absent = replace(seen.images, seen=torch.tensor([[True, False]]))
    noise = replace(absent, pixels=absent.pixels.flip(-1))
    noise = replace(noise, pixels=torch.cat([absent.pixels[:, :1], noise.pixels[:, 1:]], 1))
    with torch.inference_mode():
        first, then = (model.canvas(replace(seen, images=images)) for images in (absent, noise))
    assert torch.equal(first, then)


def test_weights_of_the_lidar_branch_are_taken_over_by_both() -> None:
    branch = build_detector(section("lidar"), CLASSES, 1).state_dict()
    both = build_detector(section("lidar_cameras"), CLASSES, 2)
    own = {name: value.clone() for name, value in both.state_dict().items()}
    both.begin(branch)
    after = both.state_dict()
    assert all(torch.equal(after[name], value) for name, value in branch.items())
    new = after.keys() - branch.keys()
    assert all(torch.equal(after[name], own[name]) for name in new)
    assert {name.split(".")[0] for name in new} == {"cameras", "fuser"}


def test_weights_of_another_network_are_not() -> None:
    both = build_detector(section("lidar_cameras"), CLASSES, 2)
    with pytest.raises(RuntimeError):
        both.begin({"encoder.linear.weight": torch.zeros(3)})


def test_what_is_frozen_stays_as_it_is() -> None:
    model = build(section("lidar_cameras", frozen="lidar"), CLASSES)
    model.begin(build_detector(section("lidar"), CLASSES, 1).state_dict())
    model.train()
    before = {name: value.clone() for name, value in model.encoder.state_dict().items()}
    outputs = model(inputs())
    torch.stack([output.heatmap.sum() for output in outputs]).sum().backward()
    assert all(parameter.grad is None for parameter in model.encoder.parameters())
    assert model.fuser.mix[0].weight.grad is not None
    after = model.encoder.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    grouped = {id(p) for group in model.parameter_groups() for p in group.parameters}
    assert not grouped & {id(parameter) for parameter in model.encoder.parameters()}


def test_random_weights_are_not_frozen() -> None:
    model = build(section("lidar_cameras", frozen="lidar"), CLASSES)
    with pytest.raises(InputError, match=r"bevfusion\.frozen: .* set it to none"):
        model.begin(None)


def test_a_branch_asks_nothing_of_the_cameras(tmp_path: Path) -> None:
    """Nor does a model of both ask for weights that it has learned away from."""
    cameras = tiny_bevfusion("lidar_cameras").cameras
    pinned = cameras.swin.model_copy(update={"revision": "a" * 40})
    wider, later = (
        section("lidar_cameras", cameras=cameras.model_copy(update=changes))
        for changes in ({"width_px": 96}, {"swin": pinned})
    )
    for modality, now in (("lidar", wider), ("lidar", later), ("lidar_cameras", later)):
        trained = section(modality)
        save_model(tmp_path, build(trained, CLASSES), trained, CLASSES)
        assert load_model(tmp_path, now, CLASSES).class_names == CLASSES.class_names
    with pytest.raises(InputError, match=r"width_px was 64"):
        load_model(tmp_path, wider, CLASSES)


def test_the_backbone_of_the_cameras_learns_at_its_own_rate() -> None:
    model = build_detector(section("cameras"), CLASSES, 0)
    assert isinstance(model, BevFusion)
    rest, backbone = model.parameter_groups()
    factor = tiny_bevfusion("cameras").cameras.backbone_lr_factor
    assert (rest.lr_factor, backbone.lr_factor) == (1.0, factor)
    assert {id(p) for p in backbone.parameters} == {
        id(p) for p in model.cameras.backbone.parameters()
    }


def test_both_sensors_begin_with_the_lidar_branch() -> None:
    schedule, both = load_params().finetune, section("lidar_cameras")
    branch, fusion = both.lidar_branch, tiny_bevfusion("lidar_cameras").fusion
    lidar_weights = build_detector(section("lidar"), CLASSES, 0).state_dict()
    fused_weights = build_detector(both, CLASSES, 0).state_dict()
    fused = fusion.after_branch(schedule)
    one, two = [(branch, schedule)], [(branch, schedule), (both, fused)]
    assert trainings(both, "finetune", schedule, lidar_weights) == two
    assert trainings(both, "finetune", schedule, None) == two
    assert trainings(both, "selftrain_r1", schedule, fused_weights) == [(both, schedule)]
    assert trainings(both, "pretrain", schedule, None) == one
    unlabelled = fusion.model_copy(update={"after": "pretrain"})
    zero = section("lidar_cameras", fusion=unlabelled)
    assert trainings(zero, "pretrain", schedule, None) == [
        (zero.lidar_branch, schedule),
        (zero, fused),
    ]


@pytest.mark.parametrize(("epochs", "share", "fused"), [(20, 0.3, 6), (5, 0.3, 2), (60, 1.0, 60)])
def test_both_sensors_have_a_share_of_the_stage_s_epochs(
    epochs: int, share: float, fused: int
) -> None:
    branch = load_params().selftrain.model_copy(update={"epochs": epochs})
    fusion = tiny_bevfusion("lidar_cameras").fusion.model_copy(update={"epochs_share": share})
    assert fusion.after_branch(branch).epochs == fused


@pytest.mark.parametrize("modality", ["lidar", "cameras"])
def test_one_sensor_is_trained_at_once(modality: str) -> None:
    schedule, one = load_params().finetune, section(modality)
    assert trainings(one, "finetune", schedule, None) == [(one, schedule)]


def test_a_model_of_the_branch_alone_is_read_as_such() -> None:
    both = section("lidar_cameras")
    assert trained_section(both, {"bevfusion": {"modality": "lidar"}}) == both.lidar_branch
    assert trained_section(both, {"bevfusion": {"modality": "lidar_cameras"}}) == both
    assert trained_section(both, {}) == both


@pytest.mark.parametrize("modality", ["lidar", "cameras", "lidar_cameras"])
def test_a_head_of_maps_starts_anew_on_weights_of_boxes(modality: str) -> None:
    boxes = build_detector(section(modality), CLASSES, 1)
    maps = build_detector(section(modality).for_maps(), CLASSES, 2)
    own = {name: value.clone() for name, value in maps.state_dict().items()}
    maps.begin(boxes.state_dict())
    for name, value in maps.state_dict().items():
        expected = own if name.startswith("head.") else boxes.state_dict()
        assert torch.equal(value, expected[name]), name
    assert maps.needs.maps
    assert not boxes.needs.maps


def test_masks_are_learned_and_read_off() -> None:
    model = build_detector(section("lidar_cameras").for_maps(), CLASSES, 0).train()
    sample = replace(sample_of(0), maps=np.ones((6, 200, 200), dtype=bool))
    batch = collate([sample, sample])
    outputs = model(batch.inputs)
    terms = model.loss(outputs, model.targets(batch))
    assert [name.split("/")[0] for name in terms] == ["map"] * 6
    torch.stack(list(terms.values())).sum().backward()
    assert all(parameter.grad is not None for parameter in model.head.parameters())
    reached = model.thresholds_reached(outputs)
    assert (reached.shape, reached.dtype) == ((2, 6, 200, 200), torch.uint8)
    assert [len(boxes) for boxes in model.boxes(outputs, load_params().predict)] == [0, 0]


def test_maps_are_learned_at_once() -> None:
    schedule, maps = load_params().finetune_map, section("lidar_cameras").for_maps()
    assert trainings(maps, "finetune_map", schedule, None) == [(maps, schedule)]
