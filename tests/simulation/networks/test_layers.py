"""Folding batch normalisation changes nothing but the number of layers."""

import torch
from torch import nn

from cm3d.simulation.networks.detector import DetectorNetwork
from cm3d.simulation.networks.layers import Convolution, Residual, fold_norms


def _with_statistics(network):
    """As after training: normalisation that is not the identity."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.5, 0.5)
            nn.init.uniform_(module.running_var, 0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 2)
            nn.init.uniform_(module.bias, -0.5, 0.5)
    return network.eval()


def test_folded_network_says_the_same():
    torch.manual_seed(0)
    network = _with_statistics(nn.Sequential(Convolution(3, 8, stride=2), Residual(8)))
    images = torch.rand(2, 3, 8, 12)
    with torch.no_grad():
        before = network(images)
        after = fold_norms(network)(images)
    torch.testing.assert_close(after, before, rtol=1e-4, atol=1e-5)
    assert before.shape == (2, 8, 4, 6)


def test_nothing_is_left_to_normalise():
    network = fold_norms(DetectorNetwork())
    assert not any(isinstance(module, nn.BatchNorm2d) for module in network.modules())
    assert not any("norm" in name for name in network.state_dict())
