"""How the simulated detector errs: probabilities and scores, without randomness.

docs/simulation.md explains the model. Heights are in pixels of a 1600x900 image.
"""

from typing import Final

import numpy as np

from cm3d import params
from cm3d.geometry.arrays import NDArrayFloat
from cm3d.tables import NDArrayObject

_HEIGHT_STEEPNESS_PER_OCTAVE: Final = 2.0
_VISIBILITY_STEEPNESS: Final = 8.0

# How well the class's name says what nuScenes means by it: the paper's detector hardly finds
# barriers and takes few construction vehicles and trailers for what they are (appendix A).
_CONCEPT_RECALL: Final = {"barrier": 0.35, "construction_vehicle": 0.6, "trailer": 0.7}

# Classes that one is taken for, and how much more or less often than `confusion` says.
_SIMILAR: Final = {
    "car": ("truck",),
    "truck": ("car", "bus", "trailer", "construction_vehicle"),
    "bus": ("truck",),
    "trailer": ("truck",),
    "construction_vehicle": ("truck",),
    "pedestrian": ("traffic_cone",),
    "motorcycle": ("bicycle",),
    "bicycle": ("motorcycle",),
    "traffic_cone": ("barrier",),
    "barrier": ("traffic_cone",),
}
_CONFUSABILITY: Final = {
    "car": 0.5,
    "bus": 1.5,
    "trailer": 3.0,
    "construction_vehicle": 3.0,
    "pedestrian": 0.1,
    "traffic_cone": 0.5,
}

_LOWEST_SCORE: Final = 0.10
_SCORE_SPAN: Final = 0.75
_SCORE_LIMITS: Final = (0.01, 0.99)


def evidence(
    height_px: NDArrayFloat, visible_share: NDArrayFloat, model: params.SimulatedDetector
) -> NDArrayFloat:
    """How plainly objects show, (N,) in [0, 1]: logistic in the log of height, and in visibility.

    Args:
        height_px: (N,) apparent heights.
        visible_share: (N,) shares that nothing hides.
        model: Gives the height and the share at which each factor is one half.
    """
    octaves = np.log2(np.maximum(height_px, 1e-6) / model.half_recall_height_px)
    excess = visible_share - model.half_recall_visibility
    by_height = _logistic(_HEIGHT_STEEPNESS_PER_OCTAVE * octaves)
    return by_height * _logistic(_VISIBILITY_STEEPNESS * excess)


def recall(
    evidence: NDArrayFloat,
    class_name: NDArrayObject,
    prompts: str,
    model: params.SimulatedDetector,
) -> NDArrayFloat:
    """Probability (N,) that each object is found.

    Args:
        evidence: (N,) see `evidence`.
        class_name: (N,) true classes.
        prompts: `plain` costs recall against `synonyms` (paper, Table 2).
        model: Gives the largest recall and the factor for plain prompts.
    """
    prompting = model.plain_prompt_recall if prompts == "plain" else 1.0
    return model.max_recall * prompting * _by_class(_CONCEPT_RECALL, class_name) * evidence


def confusion(class_name: NDArrayObject, model: params.SimulatedDetector) -> NDArrayFloat:
    """Probability (N,) that each detection gets a similar class."""
    return np.minimum(model.confusion * _by_class(_CONFUSABILITY, class_name), 1.0)


def similar_class(class_name: str, draw: float) -> str:
    """A class that this one is taken for; `draw` in [0, 1) chooses."""
    choices = _SIMILAR[class_name]
    return choices[int(draw * len(choices))]


def score(evidence: NDArrayFloat, noise: NDArrayFloat) -> NDArrayFloat:
    """Confidence (N,) from evidence (N,) and noise (N,) of the size of a score."""
    return np.clip(_LOWEST_SCORE + _SCORE_SPAN * evidence + noise, *_SCORE_LIMITS)


def _by_class(factors: dict[str, float], class_name: NDArrayObject) -> NDArrayFloat:
    return np.array([factors.get(str(name), 1.0) for name in class_name], dtype=np.float64)


def _logistic(value: NDArrayFloat) -> NDArrayFloat:
    return np.asarray(0.5 * (1 + np.tanh(value / 2)))
