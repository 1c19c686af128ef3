"""Sizes of classes, as a language model or the training data tell them (paper, Table 8).

Table 8 writes width, length, height; here every number has its name.
"""

from typing import Final, Literal, NamedTuple

import numpy as np

from cm3d.geometry.arrays import NDArrayFloat
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

_BY_SOURCE: Final = {"chatgpt": CHATGPT, "dataset": DATASET}


def shape_priors(class_names: NDArrayObject, source: Literal["chatgpt", "dataset"]) -> Sizes:
    """The size of each class name (N,), from one column of Table 8."""
    priors = [_BY_SOURCE[source][name] for name in CLASS_NAMES]
    columns = np.array(priors)[class_indices(class_names)].T
    return Sizes(*columns)
