"""What the simulated detector sees in vain: passing fancies, and places that always deceive it.

docs/simulation.md explains the model. Places are fixed in the world, so that each camera that
passes one sees the same thing there. They are drawn cell by cell of the ground, so that an image
needs no knowledge of the others.
"""

import zlib
from functools import lru_cache
from typing import Final

import numpy as np

from cm3d import params
from cm3d.geometry.arrays import NDArrayFloat, NDArrayInt
from cm3d.geometry.se3 import SE3
from cm3d.simulation.error_model import score
from cm3d.tables import Boxes2D, Cameras

# Where they seem to stand, how plain they may look at most, and per class their share, apparent
# width and height in metres.
_CAMERA_HEIGHT_M: Final = 1.5
_NEAREST_M: Final = 6.0
_FARTHEST_M: Final = 60.0
_MOST_EVIDENCE: Final = 0.35
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
_NAMES: Final = np.array([*_KINDS], dtype=object)
_SHARES: Final = np.array([share for share, _, _ in _KINDS.values()])
_SIZES_M: Final = np.array([size for _, *size in _KINDS.values()])

# A place deceives from up to so far away, in so many of the images that it is on.
_FARTHEST_PLACE_M: Final = 35.0
_PLACE_CHANCE: Final = 0.9
_PLACE_EVIDENCE: Final = (0.1, 0.45)
_CELL_M: Final = 10.0
# Ground that a camera of nuScenes' usual field of view (64.6 degrees) sees in that distance.
_VIEW_M2: Final = np.deg2rad(64.6) / 2 * (_FARTHEST_PLACE_M**2 - _NEAREST_M**2)


def fleeting(
    camera: Cameras, model: params.SimulatedDetector, generator: np.random.Generator
) -> Boxes2D:
    """False positives of one image alone: on flat ground, at any bearing, with low scores.

    Args:
        camera: One row.
        model: Gives their mean number and the noise of their scores.
        generator: Randomness of the image.
    """
    mean = model.false_positives_per_image * (1 - model.lasting_false_positives)
    count = int(generator.poisson(mean))
    kind = generator.choice(len(_NAMES), size=count, p=_SHARES / _SHARES.sum())
    distance_m = np.exp(generator.uniform(np.log(_NEAREST_M), np.log(_FARTHEST_M), count))
    bearing = generator.uniform(0, 1, count)
    noise = generator.normal(0, model.score_noise, count)
    evidence = generator.uniform(0, _MOST_EVIDENCE, count)
    middle_px = bearing * camera.width_px[0]
    box_px = _standing_boxes(camera, _SIZES_M[kind], distance_m, middle_px)
    return _boxes(camera, kind, score(evidence, noise), box_px)


def lasting(
    scene_name: str,
    camera: Cameras,
    model: params.SimulatedDetector,
    seed: int,
    generator: np.random.Generator,
) -> Boxes2D:
    """False positives at places of the scene that this image shows; their class stays.

    Nothing hides them, as the background's shape is not known here.

    Args:
        scene_name: The scene, which has its own places.
        camera: One row.
        model: Gives their mean number and the noise of their scores.
        seed: Source of the places.
        generator: Randomness of the image.
    """
    mean = model.false_positives_per_image * model.lasting_false_positives
    global_SE3_camera = SE3.from_pose(camera.global_SE3_camera[0])
    eye_m = global_SE3_camera.translation_m
    density_per_m2 = mean / (_PLACE_CHANCE * _VIEW_M2)
    xy_m, kind, evidence = _places(scene_name, seed, density_per_m2, _cells_around(eye_m))
    foot_m = np.column_stack([xy_m, np.full(len(xy_m), eye_m[2] - _CAMERA_HEIGHT_M)])
    in_camera_m = global_SE3_camera.inverse().transform_points(foot_m)
    depth_m = np.maximum(in_camera_m[:, 2], 1e-6)
    intrinsics_px = camera.intrinsics_px[0].reshape(3, 3)
    middle_px = intrinsics_px[0, 2] + intrinsics_px[0, 0] * in_camera_m[:, 0] / depth_m
    away_m = np.linalg.norm(foot_m[:, :2] - eye_m[:2], axis=1)
    seen = (in_camera_m[:, 2] > 0) & (middle_px >= 0) & (middle_px < camera.width_px[0])
    seen &= (away_m >= _NEAREST_M) & (away_m <= _FARTHEST_PLACE_M)
    seen &= generator.random(len(seen)) < _PLACE_CHANCE
    noise = generator.normal(0, model.score_noise, len(seen))
    box_px = _standing_boxes(camera, _SIZES_M[kind], depth_m, middle_px)
    return _boxes(camera, kind[seen], score(evidence, noise)[seen], box_px[seen])


def _cells_around(eye_m: NDArrayFloat) -> NDArrayInt:
    """Cells (M, 2) of the ground that may hold a place that deceives a camera at (3,)."""
    low, high = (
        np.floor((eye_m[:2] + side * _FARTHEST_PLACE_M) / _CELL_M).astype(int) for side in (-1, 1)
    )
    x, y = np.meshgrid(np.arange(low[0], high[0] + 1), np.arange(low[1], high[1] + 1))
    return np.column_stack([x.ravel(), y.ravel()])


def _places(
    scene_name: str, seed: int, density_per_m2: float, cells: NDArrayInt
) -> tuple[NDArrayFloat, NDArrayInt, NDArrayFloat]:
    """Position (N, 2) in the global frame, kind and evidence (N,) of places in (M, 2) cells."""
    places = np.concatenate(
        [_cell_places(scene_name, seed, density_per_m2, int(x), int(y)) for x, y in cells]
    )
    return places[:, :2], places[:, 2].astype(np.int64), places[:, 3]


@lru_cache(maxsize=4096)
def _cell_places(scene_name: str, seed: int, density_per_m2: float, x: int, y: int) -> NDArrayFloat:
    """Places (N, 4) of one cell: x, y in the global frame, kind, evidence."""
    # Cells may have negative numbers, seeds may not.
    cell = [part % 2**32 for part in (x, y)]
    rng = np.random.default_rng([seed, zlib.crc32(scene_name.encode()), *cell])
    count = int(rng.poisson(density_per_m2 * _CELL_M**2))
    xy_m = (np.array([x, y]) + rng.random((count, 2))) * _CELL_M
    kind = rng.choice(len(_NAMES), size=count, p=_SHARES / _SHARES.sum())
    return np.column_stack([xy_m, kind, rng.uniform(*_PLACE_EVIDENCE, count)])


def _boxes(
    camera: Cameras, kind: NDArrayInt, scores: NDArrayFloat, box_px: NDArrayFloat
) -> Boxes2D:
    return Boxes2D.from_columns(
        camera_token=[camera.camera_token[0]] * len(kind),
        detection_id=np.zeros(len(kind), dtype=np.int64),
        class_name=_NAMES[kind].tolist(),
        score=scores,
        box_px=box_px,
    )


def _standing_boxes(
    camera: Cameras, size_m: NDArrayFloat, distance_m: NDArrayFloat, middle_px: NDArrayFloat
) -> NDArrayFloat:
    """Boxes (N, 4) of objects of (N, 2) width and height on the ground before the camera."""
    intrinsics_px = camera.intrinsics_px[0].reshape(3, 3)
    size_px = size_m * intrinsics_px[1, 1] / distance_m[:, None]
    foot_px = intrinsics_px[1, 2] + intrinsics_px[1, 1] * _CAMERA_HEIGHT_M / distance_m
    low_x, low_y = middle_px - size_px[:, 0] / 2, foot_px - size_px[:, 1]
    return np.stack([low_x, low_y, low_x + size_px[:, 0], foot_px], axis=1)
