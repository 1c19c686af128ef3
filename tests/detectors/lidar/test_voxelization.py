from collections import defaultdict

import numpy as np
import pytest
import torch

from cm3d.detectors.lidar.voxelization import Voxelizer, keep_first, sort_stably, spread_evenly
from cm3d.params import Detector


def _naive(points: torch.Tensor, frame: torch.Tensor, height_m: float) -> dict:
    """Points by (frame, layer, row, column), one after the other."""
    voxels = defaultdict(list)
    for point, owner in zip(points.double().numpy(), frame.tolist(), strict=True):
        column, row = (int(np.floor((value + 3.2) / 0.4)) for value in point[:2])
        if 0 <= column < 16 and 0 <= row < 16 and -5 <= point[2] < 3:
            voxels[owner, int(np.floor((point[2] + 5) / height_m)), row, column].append(point)
    return voxels


@pytest.mark.parametrize("height_m", [8.0, 0.5])
def test_voxels_equal_a_loop_over_points(detector: Detector, cloud, height_m: float) -> None:
    voxels = Voxelizer(detector.model_copy(update={"max_points": 1000}), height_m)(*cloud)
    expected = _naive(*cloud, height_m)
    assert len(voxels) == len(expected) > 20
    means = voxels.mean(voxels.points)
    for index, position in enumerate(map(tuple, voxels.position.tolist())):
        assert voxels.count[index] == len(expected[position])
        own = voxels.points[voxels.voxel == index]
        np.testing.assert_allclose(own, expected[position], rtol=1e-6)
        np.testing.assert_allclose(means[index], np.mean(expected[position], axis=0), atol=1e-5)


def test_layers_cover_the_height(voxel_detector: Detector) -> None:
    assert Voxelizer(voxel_detector, 0.5).layers == 16
    assert Voxelizer(voxel_detector, 0.2).layers == 40
    assert Voxelizer(voxel_detector, 8.0).layers == 1


def test_crowded_voxels_keep_points_spread_over_their_order() -> None:
    kept = spread_evenly(torch.tensor([2, 8, 3]), 3)
    assert kept.tolist() == [0, 1, 2, 5, 8, 10, 11, 12]


def test_crowded_voxels_keep_their_first_points() -> None:
    assert keep_first(torch.tensor([2, 8, 3]), 3).tolist() == [0, 1, 2, 3, 4, 10, 11, 12]


@pytest.mark.parametrize("keep", [keep_first, spread_evenly])
def test_no_voxel_keeps_more_than_the_limit(keep) -> None:
    count = torch.arange(1, 60)
    voxel = torch.repeat_interleave(torch.arange(59), count)
    kept = voxel[keep(count, 7)]
    assert torch.equal(torch.bincount(kept), count.clamp(max=7))


@pytest.mark.parametrize("kept_points", ["first", "spread"])
def test_the_limit_counts(detector: Detector, cloud, kept_points: str) -> None:
    limited = detector.model_copy(update={"max_points": 2, "kept_points": kept_points})
    voxels = Voxelizer(limited, 8.0)(*cloud)
    assert voxels.count.max() == 2
    assert torch.equal(torch.bincount(voxels.voxel), voxels.count)


@pytest.mark.parametrize("kept_points", ["first", "spread"])
@pytest.mark.parametrize("height_m", [8.0, 0.5])
def test_sifted_points_give_the_same_voxels(
    detector: Detector, kept_points: str, height_m: float
) -> None:
    generator = np.random.default_rng(0)
    points = generator.uniform(-4, 4, (3000, 5)).astype(np.float32)
    limited = detector.model_copy(update={"max_points": 3, "kept_points": kept_points})
    voxelize = Voxelizer(limited, height_m)
    sifted, frame = voxelize.sift(points), torch.zeros(3000, dtype=torch.int64)
    whole = voxelize(torch.from_numpy(points), frame)
    again = voxelize(torch.from_numpy(sifted), frame[: len(sifted)])
    assert len(sifted) == whole.count.sum() < 3000
    for name in ("points", "voxel", "count", "position"):
        assert torch.equal(getattr(whole, name), getattr(again, name))


def test_sifted_points_of_a_batch_are_not_sorted_again(
    detector: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    voxelize = Voxelizer(detector, 8.0)
    generator = np.random.default_rng(0)
    clouds = generator.uniform(-4, 4, (2, 900, 5)).astype(np.float32)
    frame = torch.arange(2).repeat_interleave(900)
    whole = voxelize(torch.from_numpy(clouds.reshape(-1, 5)), frame)
    sifted = [voxelize.sift(cloud) for cloud in clouds]
    frame = torch.arange(2).repeat_interleave(torch.tensor([len(cloud) for cloud in sifted]))
    monkeypatch.delattr(np, "sort")
    again = voxelize(torch.from_numpy(np.concatenate(sifted)), frame)
    for name in ("points", "voxel", "count", "position"):
        assert torch.equal(getattr(whole, name), getattr(again, name))


@pytest.mark.parametrize("ascending", [False, True])
@pytest.mark.parametrize("count", [0, 1, 500])
def test_sorting_is_stable(count: int, ascending: bool) -> None:
    key = torch.randint(0, 40, (count,), generator=torch.Generator().manual_seed(0))
    key = key.sort().values if ascending else key
    ours, theirs = sort_stably(key), torch.sort(key, stable=True)
    assert torch.equal(ours[0], theirs[0])
    assert torch.equal(ours[1], theirs[1])
