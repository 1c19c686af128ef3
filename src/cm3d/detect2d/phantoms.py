"""False positives of the simulated detector: objects that could stand there but do not."""

from typing import Final

import numpy as np

from cm3d import params
from cm3d.detect2d import error_model
from cm3d.geometry.arrays import NDArrayFloat
from cm3d.tables import Boxes2D, Cameras

_CAMERA_HEIGHT_M: Final = 1.5
_NEAREST_M: Final = 6.0
_FARTHEST_M: Final = 60.0
_MOST_EVIDENCE: Final = 0.35

# Share of false positives, then apparent width and height in metres.
_KINDS: Final = {
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
    names, kinds = list(_KINDS), np.array(list(_KINDS.values()))
    kind = generator.choice(len(names), size=count, p=kinds[:, 0] / kinds[:, 0].sum())
    distance_m = np.exp(generator.uniform(np.log(_NEAREST_M), np.log(_FARTHEST_M), count))
    bearing = generator.uniform(0, 1, count)
    noise = generator.normal(0, model.score_noise, count)
    evidence = generator.uniform(0, _MOST_EVIDENCE, count)
    return Boxes2D.from_columns(
        camera_token=[camera.camera_token[0]] * count,
        detection_id=np.zeros(count, dtype=np.int64),
        class_name=[names[index] for index in kind],
        score=error_model.score(evidence, noise),
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
