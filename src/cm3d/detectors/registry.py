"""The detectors that `detector.name` may name."""

from collections.abc import Callable, Mapping
from importlib import import_module
from types import ModuleType
from typing import Any, Final, TypeAlias

import torch
from torch import Tensor

from cm3d import params
from cm3d.detectors.protocol import Detector
from cm3d.taxonomy import Taxonomy

Weights: TypeAlias = Mapping[str, Tensor]
Training: TypeAlias = tuple[params.Network, params.Schedule]

# Each has `build(section, taxonomy)`; it may have `trainings` and `trained_section`, as below.
DETECTORS: Final = {
    "bevfusion": "cm3d.detectors.bevfusion",
    "centerpoint": "cm3d.detectors.centerpoint",
}


def trainings(
    section: params.Network, stage: str, schedule: params.Schedule, weights: Weights | None
) -> list[Training]:
    """What a stage trains, one after the other: mostly the detector, by the stage's schedule.

    Args:
        section: Of the parameters.
        stage: Its name in dvc.yaml.
        schedule: The stage's own.
        weights: That it starts from, None for random ones.
    """
    own: Callable[..., list[Training]] | None = getattr(_module(section), "trainings", None)
    return [(section, schedule)] if own is None else own(section, stage, schedule, weights)


def trained_section(section: params.Network, stored: Mapping[str, Any]) -> params.Network:
    """The section of a model that may be a part of the detector.

    Args:
        section: Of the parameters.
        stored: Of the model, as its file has it.
    """
    own: Callable[..., params.Network] | None = getattr(_module(section), "trained_section", None)
    return section if own is None else own(section, stored)


def build_detector(section: params.Network, taxonomy: Taxonomy, seed: int) -> Detector:
    """A detector with random weights that depend on nothing but the seed.

    Args:
        section: `detector` of the parameters.
        taxonomy: Classes that it learns.
        seed: Of the weights.

    Raises:
        InputError: The section does not fit together, or a library is missing.
    """
    module = _module(section)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        detector: Detector = module.build(section, taxonomy)
    return detector


def _module(section: params.Network) -> ModuleType:
    return import_module(DETECTORS[section.name])
