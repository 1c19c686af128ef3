import pytest
import torch

from cm3d.models.box_code import BOX_TERMS
from cm3d.models.centerpoint import build_centerpoint
from cm3d.models.head import CenterHead
from cm3d.params import Detector, load_params


def _points(count: int = 300) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.rand(count, 5, generator=generator) * 6 - 3, torch.arange(count) % 2


@pytest.mark.parametrize("hidden_layers", [0, 1])
def test_shapes(detector: Detector, hidden_layers: int) -> None:
    detector = detector.model_copy(update={"head_hidden_layers": hidden_layers})
    points, frame = _points()
    outputs = build_centerpoint(detector, 0)(points, frame, 2)
    assert [output.heatmap.shape for output in outputs] == [(2, 1, 8, 8), (2, 2, 8, 8)]
    for output in outputs:
        assert {name: term.shape[1] for name, term in output.boxes.items()} == BOX_TERMS


def test_the_published_configuration_has_three_scales(detector: Detector) -> None:
    update = {"block_strides": [2, 2, 2], "block_channels": [8, 8, 8], "block_layers": [1, 1, 1]}
    detector = detector.model_copy(update=update | {"range_m": 6.4})
    points, frame = _points()
    assert build_centerpoint(detector, 0)(points, frame, 2)[0].heatmap.shape == (2, 1, 16, 16)


def test_one_joint_convolution_equals_each_on_its_own(detector: Detector) -> None:
    head = CenterHead(detector, 8).eval()
    features = torch.randn(2, 8, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        outputs, shared = head(features), head.shared(features)
        alone = [final(shared) for final in head.final]
    joint = [value for output in outputs for value in (output.heatmap, *output.boxes.values())]
    for first, second in zip(joint, alone, strict=True):
        torch.testing.assert_close(first, second)


def test_an_untrained_head_sees_objects_rarely(detector: Detector) -> None:
    points, frame = _points()
    with torch.no_grad():
        outputs = build_centerpoint(detector, 0).eval()(points, frame, 2)
    torch.testing.assert_close(
        outputs[0].heatmap.sigmoid(), torch.full((2, 1, 8, 8), 0.01), atol=0.005, rtol=0
    )
    assert outputs[1].boxes["velocity"].abs().max() < 0.05


def test_weights_depend_on_the_seed_alone(detector: Detector) -> None:
    torch.manual_seed(1)
    first = build_centerpoint(detector, 7).state_dict()
    drawn = torch.rand(1)
    second, third = (build_centerpoint(detector, seed).state_dict() for seed in (7, 8))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["pillars.linear.weight"], third["pillars.linear.weight"])
    torch.manual_seed(1)
    assert torch.equal(torch.rand(1), drawn)  # the global generator was left alone


def test_the_default_parameters_build() -> None:
    assert sum(p.numel() for p in build_centerpoint(load_params().detector, 0).parameters()) > 1e5
