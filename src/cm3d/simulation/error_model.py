"""How the simulated detector errs: what it misses, takes for something else, and sees in vain.

docs/simulation.md explains the model. Heights are in pixels of a 1600x900 image; classes are
`simulation.classes`.
"""

from typing import Final

import numpy as np

from cm3d import params
from cm3d.geometry.arrays import NDArrayFloat, NDArrayObject
from cm3d.tables import Boxes2D, Cameras

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

# What is seen but not there: where it seems to stand, how plain it may look at most, and per class
# its share, apparent width and height in metres.
_CAMERA_HEIGHT_M: Final = 1.5
_NEAREST_M: Final = 6.0
_FARTHEST_M: Final = 60.0
_MOST_EVIDENCE: Final = 0.35
_PHANTOMS: Final = {
    "car": (0.25, 3.5, 1.6),
    "truck": (0.15, 4.5, 3.0),
    "bus": (0.04, 6.0, 3.3),
    "trailer": (0.05, 6.0, 3.5),
    "construction_vehicle": (0.05, 4.0, 3.0),
    "pedestrian": (0.18, 0.7, 1.75),
    "motorcycle": (0.05, 1.4, 1.4),
    "bicycle": (0.05, 1.3, 1.3),
    "traffic_cone": (0.10, 0.4, 0.9),
    "barrier": (0.08, 2.0, 1.0),
}


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


def phantoms(
    camera: Cameras, model: params.SimulatedDetector, generator: np.random.Generator
) -> Boxes2D:
    """False positives on one image: on flat ground, at any bearing, with low scores.

    Args:
        camera: One row.
        model: Gives their mean number and the noise of their scores.
        generator: Randomness of the image.
    """
    count = int(generator.poisson(model.false_positives_per_image))
    names, kinds = list(_PHANTOMS), np.array(list(_PHANTOMS.values()))
    kind = generator.choice(len(names), size=count, p=kinds[:, 0] / kinds[:, 0].sum())
    distance_m = np.exp(generator.uniform(np.log(_NEAREST_M), np.log(_FARTHEST_M), count))
    bearing = generator.uniform(0, 1, count)
    noise = generator.normal(0, model.score_noise, count)
    evidence = generator.uniform(0, _MOST_EVIDENCE, count)
    return Boxes2D.from_columns(
        camera_token=[camera.camera_token[0]] * count,
        detection_id=np.zeros(count, dtype=np.int64),
        class_name=[names[index] for index in kind],
        score=score(evidence, noise),
        box_px=_standing_boxes(camera, kinds[kind, 1:], distance_m, bearing),
    )


def _standing_boxes(
    camera: Cameras, size_m: NDArrayFloat, distance_m: NDArrayFloat, bearing: NDArrayFloat
) -> NDArrayFloat:
    """Boxes (N, 4) of objects of (N, 2) width and height on the ground before the camera."""
    intrinsics_px = camera.intrinsics_px[0].reshape(3, 3)
    size_px = size_m * intrinsics_px[1, 1] / distance_m[:, None]
    foot_px = intrinsics_px[1, 2] + intrinsics_px[1, 1] * _CAMERA_HEIGHT_M / distance_m
    middle_px = bearing * camera.width_px[0]
    low_x, low_y = middle_px - size_px[:, 0] / 2, foot_px - size_px[:, 1]
    return np.stack([low_x, low_y, low_x + size_px[:, 0], foot_px], axis=1)


def _by_class(factors: dict[str, float], class_name: NDArrayObject) -> NDArrayFloat:
    return np.array([factors.get(str(name), 1.0) for name in class_name], dtype=np.float64)


def _logistic(value: NDArrayFloat) -> NDArrayFloat:
    return np.asarray(0.5 * (1 + np.tanh(value / 2)))
