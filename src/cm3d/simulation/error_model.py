"""How the simulated detector errs about objects: what it misses, mistakes, splits and joins.

docs/simulation.md explains the model. Heights are in pixels of a 1600x900 image; classes are
`simulation.classes`.
"""

from typing import Final

import numpy as np
from scipy.special import ndtr, ndtri

from cm3d import params
from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat, NDArrayObject

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

# A part is cut at this share of the width.
_PART_SHARES: Final = (0.35, 0.7)
# Neighbours in one box: gap in widths of the one, and how much taller either may be.
_NEIGHBOUR_GAP: Final = 0.3
_NEIGHBOUR_HEIGHTS: Final = 1.6


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


def persisting(chance: NDArrayFloat, latent: NDArrayFloat, persistence: float) -> NDArrayFloat:
    """Uniform draws (N, K) in [0, 1) that are alike in all images of an object (a Gaussian copula).

    Args:
        chance: (N, K) uniform draws of the image.
        latent: (N, K) standard normal draws of the object.
        persistence: Correlation of two images' draws, in [0, 1].
    """
    own = np.sqrt(1 - persistence) * ndtri(np.clip(chance, 1e-12, 1 - 1e-12))
    together = ndtr(own + np.sqrt(persistence) * latent)
    return np.asarray(np.minimum(together, np.nextafter(1.0, 0.0)))


def part_boxes(box_px: NDArrayFloat, partial: NDArrayBool, draw: NDArrayFloat) -> NDArrayFloat:
    """Boxes (N, 4) of which those that are `partial` keep their left or right part alone.

    Args:
        box_px: (N, 4) whole boxes.
        partial: (N,) which are cut.
        draw: (N,) uniform, chooses the side and how much is kept.
    """
    width_px = box_px[:, 2] - box_px[:, 0]
    least, most = _PART_SHARES
    kept_px = width_px * (least + (most - least) * (2 * draw % 1))
    left, cut_px = draw < 0.5, box_px.copy()
    cut_px[:, 2] = np.where(partial & left, box_px[:, 0] + kept_px, box_px[:, 2])
    cut_px[:, 0] = np.where(partial & ~left, box_px[:, 2] - kept_px, box_px[:, 0])
    return cut_px


def group_boxes(
    box_px: NDArrayFloat, class_name: NDArrayObject, found: NDArrayBool, grouped: NDArrayBool
) -> tuple[NDArrayFloat, NDArrayBool]:
    """Boxes (N, 4) that take in a neighbour, and which objects (N,) still have one of their own.

    Args:
        box_px: (N, 4) of each object.
        class_name: (N,) only objects of one class are taken together.
        found: (N,) which are found at all.
        grouped: (N,) which would take in their nearest neighbour, if they have one.
    """
    if len(box_px) < 2:
        return box_px, found
    low, high = box_px[:, None, :2], box_px[:, None, 2:]
    apart_px = np.maximum(low - box_px[:, 2:], box_px[:, :2] - high)
    height_px = box_px[:, 3] - box_px[:, 1]
    taller = np.maximum(height_px, 1e-6)[:, None] / np.maximum(height_px, 1e-6)
    near = apart_px[:, :, 0] < _NEIGHBOUR_GAP * (box_px[:, 2] - box_px[:, 0])[:, None]
    near &= (apart_px[:, :, 1] < 0) & (np.maximum(taller, 1 / taller) < _NEIGHBOUR_HEIGHTS)
    near &= (class_name[:, None] == class_name) & found & found[:, None]
    np.fill_diagonal(near, False)
    partner = np.argmin(np.where(near, apart_px[:, :, 0], np.inf), axis=1)
    row = np.arange(len(box_px))
    leads = grouped & near[row, partner]
    # Of two that take in each other the first does.
    leads &= ~(leads[partner] & (partner[partner] == row) & (partner < row))
    together_px = np.concatenate(
        [np.minimum(low[:, 0], low[partner, 0]), np.maximum(high[:, 0], high[partner, 0])], axis=1
    )
    alone = found.copy()
    alone[partner[leads]] = False
    return np.where(leads[:, None], together_px, box_px), alone


def _by_class(factors: dict[str, float], class_name: NDArrayObject) -> NDArrayFloat:
    return np.array([factors.get(str(name), 1.0) for name in class_name], dtype=np.float64)


def _logistic(value: NDArrayFloat) -> NDArrayFloat:
    return np.asarray(0.5 * (1 + np.tanh(value / 2)))
