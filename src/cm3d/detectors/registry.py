"""The detectors that `detector.name` may name."""

from importlib import import_module
from typing import Final

import torch

from cm3d import params
from cm3d.detectors.protocol import Detector
from cm3d.taxonomy import Taxonomy

# Each has `build(section, taxonomy)`.
DETECTORS: Final = {"centerpoint": "cm3d.detectors.centerpoint"}


def build_detector(section: params.Detector, taxonomy: Taxonomy, seed: int) -> Detector:
    """A detector with random weights that depend on nothing but the seed.

    Args:
        section: `detector` of the parameters.
        taxonomy: Classes that it learns.
        seed: Of the weights.

    Raises:
        InputError: The section does not fit together, or a library is missing.
    """
    module = import_module(DETECTORS[section.name])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        detector: Detector = module.build(section, taxonomy)
    return detector
