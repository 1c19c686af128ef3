"""Weights on disk."""

import pytest
import torch

from cm3d.errors import InputError
from cm3d.simulation.networks.detector import DetectorNetwork
from cm3d.simulation.networks.segmenter import SegmenterNetwork
from cm3d.simulation.networks.weights import DETECTOR, SEGMENTER, load_weights, save_weights


def test_what_is_saved_is_what_is_loaded(tmp_path):
    torch.manual_seed(0)
    trained = SegmenterNetwork().eval()
    crops = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        before = trained(crops)
        save_weights(trained, tmp_path / "w.safetensors")
        after = load_weights(SegmenterNetwork(), tmp_path / "w.safetensors")(crops)
    torch.testing.assert_close(after, before, rtol=0, atol=0.01)  # float16


@pytest.mark.parametrize(
    ("network", "path"), [(DetectorNetwork, DETECTOR), (SegmenterNetwork, SEGMENTER)]
)
def test_the_codes_own_weights_fit(network, path):
    loaded = load_weights(network(), path)
    assert all(torch.isfinite(weight).all() for weight in loaded.parameters())
    assert all(weight.dtype == torch.float32 for weight in loaded.parameters())
    assert not loaded.training


def test_the_codes_own_weights_are_small():
    assert DETECTOR.stat().st_size + SEGMENTER.stat().st_size < 10e6


def test_no_file_is_an_error_of_one_line(tmp_path):
    with pytest.raises(InputError, match=r"nothing\.safetensors: missing; restore") as error:
        load_weights(SegmenterNetwork(), tmp_path / "nothing.safetensors")
    assert "\n" not in str(error.value)


def test_another_networks_file_is_an_error_of_one_line():
    with pytest.raises(InputError, match=r"SegmenterNetwork.*restore") as error:
        load_weights(SegmenterNetwork(), DETECTOR)
    assert "\n" not in str(error.value)


def test_a_cut_file_is_an_error_of_one_line(tmp_path):
    path = tmp_path / "cut.safetensors"
    path.write_bytes(SEGMENTER.read_bytes()[:1000])
    with pytest.raises(InputError, match=r"cut short.*restore"):
        load_weights(SegmenterNetwork(), path)
