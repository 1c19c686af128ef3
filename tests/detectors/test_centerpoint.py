from pathlib import Path

import pytest
import torch

from cm3d.detectors.heads.center.box_code import BOX_TERMS
from cm3d.detectors.heads.center.head import BoxMaps, CenterHead, TaskOutput, codes_of_tasks
from cm3d.detectors.inputs import Inputs, Points
from cm3d.detectors.norm import BatchNorm
from cm3d.detectors.registry import build_detector
from cm3d.params import Detector, load_params, parse_params, read_yaml
from cm3d.taxonomy import Taxonomy, load_taxonomy
from experiments.overrides import with_overrides
from experiments.preset import load_preset


def _inputs(count: int = 300) -> Inputs:
    generator = torch.Generator().manual_seed(0)
    values = torch.rand(count, 5, generator=generator) * 6 - 3
    return Inputs(2, Points(values, torch.arange(count) % 2))


@pytest.mark.parametrize("hidden_layers", [0, 1])
def test_shapes(detector: Detector, classes: Taxonomy, hidden_layers: int) -> None:
    detector = detector.model_copy(update={"head_hidden_layers": hidden_layers})
    outputs = build_detector(detector, classes, 0)(_inputs())
    assert [output.heatmap.shape for output in outputs] == [(2, 1, 8, 8), (2, 2, 8, 8)]
    for output in outputs:
        assert {name: term.shape[1] for name, term in output.boxes.items()} == BOX_TERMS


@pytest.mark.parametrize(("upsampling", "side"), [([1.0, 2.0, 4.0], 16), ([0.5, 1.0, 2.0], 8)])
def test_three_scales_meet_at_one(
    detector: Detector, classes: Taxonomy, upsampling: list, side: int
) -> None:
    update = {"block_strides": [2, 2, 2], "block_channels": [8, 8, 8], "block_layers": [1, 1, 1]}
    detector = detector.model_copy(update=update | {"range_m": 6.4, "neck_upsampling": upsampling})
    outputs = build_detector(detector, classes, 0)(_inputs())
    assert outputs[0].heatmap.shape == (2, 1, side, side)


def test_voxels_have_their_own_canvas(voxel_detector: Detector, classes: Taxonomy) -> None:
    outputs = build_detector(voxel_detector, classes, 0)(_inputs())
    assert [output.heatmap.shape for output in outputs] == [(2, 1, 4, 4), (2, 2, 4, 4)]


# Millions of parameters of CenterPoint as published: 5.99 and 8.94, here with the third offset
# from the pillar's centre that mmdet3d has.
@pytest.mark.parametrize(
    ("preset", "millions"), [("centerpoint_pillar", 5.99), ("centerpoint_voxel_0075", 8.94)]
)
def test_published_sizes(taxonomy: Taxonomy, preset: str, millions: float) -> None:
    overrides = load_preset(preset)
    values = with_overrides(read_yaml(Path("params.yaml")), overrides)
    model = build_detector(parse_params(values).network, taxonomy, 0)
    count = sum(parameter.numel() for parameter in model.parameters())
    assert count / 1e6 == pytest.approx(millions, abs=0.02)


# With the two tasks of taxonomies/waymo.yaml, where CenterPoint has one.
@pytest.mark.parametrize(
    ("preset", "millions"),
    [("centerpoint_waymo_pillar", 5.486), ("centerpoint_waymo_voxel", 8.023)],
)
def test_sizes_for_waymo(preset: str, millions: float) -> None:
    values = with_overrides(read_yaml(Path("params.yaml")), load_preset(preset))
    with torch.device("meta"):
        model = build_detector(parse_params(values).network, load_taxonomy("waymo"), 0)
    count = sum(parameter.numel() for parameter in model.parameters())
    assert count / 1e6 == pytest.approx(millions, abs=0.005)


def test_one_joint_convolution_equals_each_on_its_own(
    detector: Detector, classes: Taxonomy
) -> None:
    head = CenterHead(detector, classes.heads, 8).eval()
    features = torch.randn(2, 8, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        outputs, shared = head(features), head.shared(features)
        alone = [final(shared) for final in head.final]
    joint = [value for output in outputs for value in (output.heatmap, *output.boxes.values())]
    for first, second in zip(joint, alone, strict=True):
        torch.testing.assert_close(first, second)


def test_box_codes_at_cells_are_those_of_the_maps(detector: Detector, classes: Taxonomy) -> None:
    head = CenterHead(detector, classes.heads, 8)
    features = torch.randn(2, 8, 8, 8, generator=torch.Generator().manual_seed(0))
    frame, row, column = torch.tensor([[0, 0, 0], [1, 7, 0], [1, 3, 5], [0, 0, 7], [1, 7, 7]]).T
    task, outputs = torch.tensor([0, 1, 1, 0, 1]), head(features)
    maps = [TaskOutput(output.heatmap, BoxMaps(output.boxes)) for output in outputs]
    lazy, full = (codes_of_tasks(o, task, frame, row, column) for o in (outputs, maps))
    torch.testing.assert_close(lazy, full)
    for number, (output, whole) in enumerate(zip(outputs, maps, strict=True)):
        torch.testing.assert_close(
            output.codes.at(frame, row, column), whole.codes.at(frame, row, column)
        )
        own = task == number
        torch.testing.assert_close(lazy[own], whole.codes.at(frame, row, column)[own])
    weights = [final.weight for final in head.final]
    ours = torch.autograd.grad(lazy.square().sum(), weights, allow_unused=True, retain_graph=True)
    theirs = torch.autograd.grad(full.square().sum(), weights, allow_unused=True)
    for first, second in zip(ours, theirs, strict=True):
        assert (first is None) == (second is None)
        if first is not None and second is not None:
            torch.testing.assert_close(first, second)


def test_an_untrained_head_sees_objects_rarely(detector: Detector, classes: Taxonomy) -> None:
    with torch.no_grad():
        outputs = build_detector(detector, classes, 0).eval()(_inputs())
    torch.testing.assert_close(
        outputs[0].heatmap.sigmoid(), torch.full((2, 1, 8, 8), 0.01), atol=0.005, rtol=0
    )
    assert outputs[1].boxes["velocity"].abs().max() < 0.05


def test_weights_depend_on_the_seed_alone(detector: Detector, classes: Taxonomy) -> None:
    torch.manual_seed(1)
    first = build_detector(detector, classes, 7).state_dict()
    drawn = torch.rand(1)
    second, third = (build_detector(detector, classes, seed).state_dict() for seed in (7, 8))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["encoder.linear.weight"], third["encoder.linear.weight"])
    torch.manual_seed(1)
    assert torch.equal(torch.rand(1), drawn)  # the global generator was left alone


def test_the_default_parameters_build(taxonomy: Taxonomy) -> None:
    assert (
        sum(p.numel() for p in build_detector(load_params().network, taxonomy, 0).parameters())
        > 1e5
    )


def test_running_figures_of_the_head_have_their_own_pace(
    detector: Detector, classes: Taxonomy
) -> None:
    """CenterPoint's published configs slow down those before it alone."""
    slow = detector.model_copy(update={"norm_momentum": 0.01, "head_hidden_layers": 1})
    norms = {
        name: (layer.eps, layer.momentum)
        for name, layer in build_detector(slow, classes, seed=0).named_modules()
        if isinstance(layer, BatchNorm)
    }
    assert {figures for name, figures in norms.items() if name.startswith("head")} == {(1e-5, 0.1)}
    assert {fig for name, fig in norms.items() if not name.startswith("head")} == {(1e-3, 0.01)}
