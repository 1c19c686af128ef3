"""Tiny detectors, one per encoder, and random points."""

import pytest
import torch

from cm3d.detectors.inputs import Inputs, Points
from cm3d.params import Detector
from cm3d.taxonomy import Taxonomy
from tests.tiny_detector import tiny_detector, tiny_taxonomy

SHAPES = {
    "range_m": 3.2,
    "pillar_channels": 4,
    "block_channels": [8, 8],
    "block_layers": [1, 0],
    "neck_channels": 8,
    "head_channels": 8,
}


@pytest.fixture
def detector() -> Detector:
    """A square of 6.4 m on pillars."""
    return tiny_detector(**SHAPES)


@pytest.fixture
def voxel_detector() -> Detector:
    """The same on voxels of 0.2 m, whose canvas has 4 x 4 cells."""
    return tiny_detector(
        **SHAPES
        | {
            "encoder": "voxels",
            "cell_m": 0.2,
            "voxel_height_m": 0.25,
            "sparse_channels": [4, 4, 8, 8],
            "block_strides": [1, 2],
        }
    )


@pytest.fixture
def wide_detector() -> Detector:
    """A square of 25.6 m on pillars, whose maps have 32 x 32 cells."""
    return tiny_detector(**SHAPES | {"range_m": 12.8})


@pytest.fixture(scope="session")
def classes() -> Taxonomy:
    """Car alone in a head; pedestrian and traffic cone in another."""
    return tiny_taxonomy()


@pytest.fixture
def inputs(cloud: tuple[torch.Tensor, torch.Tensor]) -> Inputs:
    """The same as inputs."""
    return Inputs(2, Points(*cloud))


@pytest.fixture
def cloud() -> tuple[torch.Tensor, torch.Tensor]:
    """700 points, some out of the range of 3.2 m, of two frames in turn."""
    generator = torch.Generator().manual_seed(0)
    return torch.rand(700, 5, generator=generator) * 8 - 4, torch.arange(700) % 2
