import pytest
import torch
from torch import nn
from torch.nn import functional

from cm3d.detectors.lidar.pillars import PillarEncoder, pillar_max
from cm3d.params import Detector


class PaddedEncoder(nn.Module):
    """The textbook's way: pillars filled up with zeros, then linear, normalise, ReLU, maximum."""

    def __init__(self, ours: PillarEncoder) -> None:
        super().__init__()
        self.ours = ours
        self.norm = nn.BatchNorm1d(ours.channels, eps=1e-3, momentum=ours.norm.momentum)
        self.norm.load_state_dict(ours.norm.state_dict())

    def forward(self, points: torch.Tensor, frame: torch.Tensor) -> torch.Tensor:
        pillars = self.ours.voxelize(points, frame)
        decorated, limit = self.ours.decorate(pillars), self.ours.voxelize.max_points
        padded = decorated.new_zeros(len(pillars), limit, decorated.shape[1])
        for pillar in range(len(pillars)):
            own = decorated[pillars.voxel == pillar]
            padded[pillar, : len(own)] = own
        values = functional.linear(padded, self.ours.linear.weight)
        values = functional.relu(self.norm(values.transpose(1, 2)))
        canvas = values.new_zeros(2, 16, 16, values.shape[1])
        frame_index, _, row, column = pillars.position.T
        canvas[frame_index, row, column] = values.amax(2)
        return canvas.permute(0, 3, 1, 2)


@pytest.fixture
def encoder(detector: Detector) -> PillarEncoder:
    """With normalisations of either sign, limits that bind, and running figures of its own."""
    torch.manual_seed(0)
    encoder = PillarEncoder(detector.model_copy(update={"max_points": 3}))
    with torch.no_grad():
        encoder.norm.weight.copy_(torch.tensor([1.0, -0.5, 2.0, -1.0]))
        encoder.norm.bias.copy_(torch.tensor([0.1, 0.3, -0.2, 0.5]))
        encoder.norm.running_mean.normal_(0, 0.1)
        encoder.norm.running_var.uniform_(0.5, 1.5)
    return encoder


@pytest.mark.parametrize("training", [True, False])
def test_the_encoder_equals_padded_pillars(encoder: PillarEncoder, cloud, training: bool) -> None:
    peer = PaddedEncoder(encoder).train(training)
    encoder.train(training)
    ours, theirs = encoder(encoder.voxelize(*cloud), 2), peer(*cloud)
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)
    assert (ours > 0).any()

    weight = torch.randn(ours.shape, generator=torch.Generator().manual_seed(1))
    parameters = [encoder.linear.weight, encoder.norm.weight, encoder.norm.bias]
    gradients = torch.autograd.grad((ours * weight).sum(), parameters)
    reference = torch.autograd.grad(
        (theirs * weight).sum(), [encoder.linear.weight, peer.norm.weight, peer.norm.bias]
    )
    torch.testing.assert_close(gradients, reference, atol=1e-4, rtol=1e-4)
    for name in ("running_mean", "running_var", "num_batches_tracked"):
        torch.testing.assert_close(getattr(encoder.norm, name), getattr(peer.norm, name))


def test_a_decorated_point_by_hand(detector: Detector) -> None:
    encoder = PillarEncoder(detector)
    points = torch.tensor([[0.1, -3.1, 1.0, 0.5, 0.2], [0.3, -2.9, 2.0, 0.5, 0.1]])
    decorated = encoder.decorate(encoder.voxelize(points, torch.zeros(2, dtype=torch.int64)))
    # mean (0.2, -3, 1.5); the pillar's centre is (0.2, -3, -1), half the height is 4 m
    expected = [0.1 / 3.2, -3.1 / 3.2, 0.25, 0.5, 0.2, -0.25, -0.25, -1.25, -0.25, -0.25, 0.5]
    torch.testing.assert_close(decorated[0], torch.tensor(expected), atol=1e-5, rtol=0)


def test_rows_are_along_y_and_columns_along_x(detector: Detector) -> None:
    encoder = PillarEncoder(detector).eval()
    nn.init.ones_(encoder.linear.weight)
    with torch.no_grad():
        point = torch.tensor([[3.1, -3.1, 2.0, 1.0, 0.0]])
        canvas = encoder(encoder.voxelize(point, torch.tensor([0])), 1)
    assert canvas[0, 0].nonzero().tolist() == [[0, 15]]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("count", [0, 1])
def test_hardly_any_points(detector: Detector, count: int, training: bool) -> None:
    encoder = PillarEncoder(detector).train(training)
    voxels = encoder.voxelize(torch.zeros(count, 5), torch.zeros(count, dtype=torch.int64))
    canvas = encoder(voxels, 2)
    assert canvas.shape == (2, 4, 16, 16)
    assert torch.isfinite(canvas).all()
    assert (canvas != 0).flatten(1).any(1).sum() <= count


def test_the_maximum_and_its_gradient_equal_scatter_reduce() -> None:
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(50, 3, generator=generator, dtype=torch.float64, requires_grad=True)
    pillar = torch.randint(0, 7, (50,), generator=generator)
    weight = torch.randn(8, 3, generator=generator, dtype=torch.float64)
    index = pillar[:, None].expand_as(features)
    reference = torch.zeros(8, 3, dtype=torch.float64).scatter_reduce(
        0, index, features, "amax", include_self=False
    )
    ours = pillar_max(features, pillar, 8)
    torch.testing.assert_close(ours, reference)
    assert (ours[7] == 0).all()
    gradients = [torch.autograd.grad((out * weight).sum(), features) for out in (ours, reference)]
    torch.testing.assert_close(*gradients)
