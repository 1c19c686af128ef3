"""Sizes of classes, as a language model or the training data tell them (paper, Table 8).

Table 8 writes width, length, height; here every number has its name.
"""

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

import numpy as np

from cm3d.errors import InputError
from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat
from cm3d.params import read_yaml
from cm3d.tables import NDArrayObject
from cm3d.tables.vocabulary import CLASS_NAMES, class_indices


class ShapePrior(NamedTuple):
    """Size of one class."""

    length_m: float
    width_m: float
    height_m: float


class Sizes(NamedTuple):
    """Sizes of N boxes, each column (N,)."""

    length_m: NDArrayFloat
    width_m: NDArrayFloat
    height_m: NDArrayFloat


Priors: TypeAlias = Mapping[str, ShapePrior]

CHATGPT: Final = {
    "car": ShapePrior(length_m=4.50, width_m=1.80, height_m=1.50),
    "truck": ShapePrior(length_m=8.00, width_m=2.60, height_m=3.60),
    "bus": ShapePrior(length_m=12.00, width_m=2.50, height_m=4.00),
    "trailer": ShapePrior(length_m=12.00, width_m=2.60, height_m=3.60),
    "construction_vehicle": ShapePrior(length_m=4.50, width_m=2.00, height_m=2.50),
    "pedestrian": ShapePrior(length_m=0.70, width_m=0.40, height_m=1.70),
    "motorcycle": ShapePrior(length_m=2.10, width_m=0.80, height_m=1.70),
    "bicycle": ShapePrior(length_m=1.80, width_m=0.60, height_m=1.40),
    "traffic_cone": ShapePrior(length_m=0.30, width_m=0.30, height_m=0.70),
    "barrier": ShapePrior(length_m=1.20, width_m=0.50, height_m=0.90),
}

DATASET: Final = {
    "car": ShapePrior(length_m=4.62, width_m=1.91, height_m=1.68),
    "truck": ShapePrior(length_m=6.89, width_m=2.38, height_m=2.60),
    "bus": ShapePrior(length_m=11.47, width_m=2.59, height_m=3.81),
    "trailer": ShapePrior(length_m=10.20, width_m=2.29, height_m=3.70),
    "construction_vehicle": ShapePrior(length_m=5.50, width_m=2.47, height_m=2.38),
    "pedestrian": ShapePrior(length_m=0.73, width_m=0.60, height_m=1.76),
    "motorcycle": ShapePrior(length_m=1.95, width_m=0.76, height_m=1.57),
    "bicycle": ShapePrior(length_m=1.82, width_m=0.63, height_m=1.39),
    "traffic_cone": ShapePrior(length_m=0.43, width_m=0.42, height_m=0.70),
    "barrier": ShapePrior(length_m=2.32, width_m=0.60, height_m=1.06),
}

PRIOR_SETS: Final[dict[str, Priors]] = {"chatgpt": CHATGPT, "dataset": DATASET}

# How much lengths vary within a class: standard deviation of their logarithm (ours, rounded: a
# class that spans vans and lorries varies more than one that spans cars).
_SPREAD: Final = {
    "car": 0.10,
    "truck": 0.25,
    "bus": 0.15,
    "trailer": 0.25,
    "construction_vehicle": 0.30,
    "pedestrian": 0.15,
    "motorcycle": 0.15,
    "bicycle": 0.15,
    "traffic_cone": 0.20,
    "barrier": 0.30,
}
_SPREADS: Final = np.array([_SPREAD[name] for name in CLASS_NAMES])

# People and cycles: points lie around the middle of their boxes, not on the sides.
_HOLLOW: Final = ("pedestrian", "motorcycle", "bicycle")


def load_priors(source: str) -> Priors:
    """The priors named `chatgpt` or `dataset` (Table 8's columns), or those of a YAML file.

    The file maps each class to `length_m`, `width_m` and `height_m`. A relative path starts at
    `$DVC_ROOT`, the workspace, also where DVC runs an experiment in a temporary copy.

    Raises:
        InputError: The file is missing, or lacks a class or a positive number.
    """
    if source in PRIOR_SETS:
        return PRIOR_SETS[source]
    path = Path(os.environ.get("DVC_ROOT", "."), source)
    if not path.is_file():
        raise InputError(f"lift.shape_prior: there is no file {path}; correct the path")
    content = read_yaml(path)
    try:
        named = {name: ShapePrior(**content[name]) for name in CLASS_NAMES}
        priors = {name: ShapePrior(*map(float, prior)) for name, prior in named.items()}
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{source}: {error}; every class needs length_m, width_m and height_m"
        ) from error
    if not all(0 < side < math.inf for prior in priors.values() for side in prior):
        raise InputError(f"{source}: a size is no positive number of metres; every side has one")
    return priors


def shape_priors(class_names: NDArrayObject, priors: Priors) -> Sizes:
    """The size of each class name (N,)."""
    table = np.array([priors[name] for name in CLASS_NAMES])
    return Sizes(*table[class_indices(class_names)].T)


def size_spread(class_names: NDArrayObject) -> NDArrayFloat:
    """Standard deviation (N,) of the logarithm of lengths within each class."""
    return np.asarray(_SPREADS[class_indices(class_names)])


def fills_its_box(class_names: NDArrayObject) -> NDArrayBool:
    """Whether objects of each class (N,) have sides where their boxes have them."""
    return ~np.isin(class_names.astype(str), _HOLLOW)


def barriers_across(size: Sizes, class_names: NDArrayObject) -> Sizes:
    """Sizes with the longer side of barriers as their width.

    nuScenes' annotators drew the heading of a barrier across its row. Table 8 and the paper's
    release have it along.
    """
    barrier = class_names == "barrier"
    return size._replace(
        length_m=np.where(barrier, np.minimum(size.length_m, size.width_m), size.length_m),
        width_m=np.where(barrier, np.maximum(size.length_m, size.width_m), size.width_m),
    )
