import numpy as np
import pytest
import torch

from cm3d.models.pillars import PillarEncoder, pillar_max, spread_evenly
from cm3d.params import Detector


def _cloud(count: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, 5, generator=generator) * 8 - 4  # some out of the 3.2 m range


def _naive_canvas(encoder: PillarEncoder, points: torch.Tensor, frame: torch.Tensor) -> np.ndarray:
    """Evaluation mode, point by point, pillar by pillar."""
    pillars: dict[tuple[int, int, int], list[np.ndarray]] = {}
    for point, owner in zip(points.double().numpy(), frame.tolist(), strict=True):
        column, row = (int(np.floor((value + 3.2) / 0.4)) for value in point[:2])
        if 0 <= column < 16 and 0 <= row < 16 and -5 <= point[2] < 3:
            pillars.setdefault((owner, row, column), []).append(point)
    canvas = np.zeros((int(frame.max()) + 1, 4, 16, 16))
    weight = encoder.linear.weight.detach().double().numpy()
    for (owner, row, column), members in pillars.items():
        mean = np.mean(members, axis=0)[:3]
        center = np.array([column + 0.5, row + 0.5]) * 0.4 - 3.2
        position = np.array(members)[:, :3]
        decorated = [
            position / [3.2, 3.2, 4.0],
            np.array(members)[:, 3:],
            (position - mean) / 0.4,
            (position[:, :2] - center) / 0.4,
        ]
        value = (np.concatenate(decorated, axis=1) @ weight.T).max(axis=0) / np.sqrt(1 + 1e-3)
        canvas[owner, :, row, column] = np.maximum(value, 0)
    return canvas


def test_the_encoder_equals_a_loop_over_points(detector: Detector) -> None:
    encoder = PillarEncoder(detector.model_copy(update={"max_pillar_points": 1000})).eval()
    points, frame = _cloud(700), torch.arange(700) % 2
    with torch.no_grad():
        canvas = encoder(points, frame, 2)
    np.testing.assert_allclose(canvas, _naive_canvas(encoder, points, frame), atol=1e-5)
    assert (canvas > 0).any()


def test_rows_are_along_y_and_columns_along_x(detector: Detector) -> None:
    encoder = PillarEncoder(detector).eval()
    torch.nn.init.ones_(encoder.linear.weight)
    with torch.no_grad():
        canvas = encoder(torch.tensor([[3.1, -3.1, 2.0, 1.0, 0.0]]), torch.tensor([0]), 1)
    assert canvas[0, 0].nonzero().tolist() == [[0, 15]]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("count", [0, 1])
def test_hardly_any_points(detector: Detector, count: int, training: bool) -> None:
    encoder = PillarEncoder(detector).train(training)
    canvas = encoder(torch.zeros(count, 5), torch.zeros(count, dtype=torch.int64), 2)
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


def test_crowded_pillars_keep_points_spread_over_their_order() -> None:
    pillar = torch.repeat_interleave(torch.arange(3), torch.tensor([2, 8, 3]))
    kept = spread_evenly(pillar, torch.tensor([2, 8, 3]), 3)
    assert kept.tolist() == [0, 1, 2, 5, 8, 10, 11, 12]


def test_no_pillar_keeps_more_than_the_limit() -> None:
    count = torch.arange(1, 60)
    pillar = torch.repeat_interleave(torch.arange(59), count)
    kept = pillar[spread_evenly(pillar, count, 7)]
    assert torch.equal(torch.bincount(kept), count.clamp(max=7))
