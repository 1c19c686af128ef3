"""The scorer of map segmentation."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from cm3d.errors import InputError
from cm3d.evaluation.maps.counts import IOU, MEAN, count_pixels, score_counts
from cm3d.evaluation.protocol import Better, Scorer, Scores
from cm3d.execution.scenes import map_scenes
from cm3d.geometry.arrays import NDArrayInt
from cm3d.geometry.ground_map import MAP_CLASSES, GroundMap
from cm3d.geometry.se3 import SE3
from cm3d.params import Params
from cm3d.tables import Frames, Sweeps, layout
from cm3d.tables.map_areas import read_ground_maps
from cm3d.tables.map_predictions import MapPredictions
from cm3d.tables.parquet import remedy
from cm3d.taxonomy import Taxonomy


@dataclass(frozen=True)
class MapScorer:
    """IoU of each class of the ground at its best threshold, over all pixels of a split.

    Args:
        params: How scenes are spread over processes.
    """

    params: Params

    @property
    def better(self) -> Mapping[str, Better]:
        """Which way each headline figure points."""
        return dict.fromkeys([MEAN, *IOU.values()], "higher")

    def score(self, folder: Path, frames: Frames) -> Scores:
        """Score `MapPredictions` of some keyframes."""
        maps = read_ground_maps(frames, "the scorer of maps")
        count = partial(count_scene, folder=folder, frames=frames, maps=maps)
        scenes = sorted(set(frames.scene_name))
        counts = map_scenes(count, scenes, self.params.execution, "count")
        total = np.sum(list(counts.values()), axis=0, dtype=np.int64)
        headline = score_counts(total)
        return Scores(engine="maps", headline=headline, brief={MEAN: headline[MEAN]})


def count_scene(
    scene: str, folder: Path, frames: Frames, maps: Mapping[str, GroundMap]
) -> NDArrayInt:
    """`count_pixels` over some keyframes of one scene.

    Raises:
        InputError: A keyframe has no prediction of a class.
    """
    path = folder / f"{scene}.parquet"
    predictions = MapPredictions.read(path)
    sweeps = Sweeps.read(layout.SWEEPS / f"{scene}.parquet")
    sweeps = sweeps[sweeps.sweep_index == 0]
    lidar = dict(zip(sweeps.sample_token, sweeps.global_SE3_lidar, strict=True))
    row = {
        key: number
        for number, key in enumerate(
            zip(predictions.sample_token, predictions.class_name, strict=True)
        )
    }
    frames = frames[frames.scene_name == scene]
    counts = []
    for token, location in zip(frames.sample_token, frames.location, strict=True):
        if missing := [name for name in MAP_CLASSES if (token, name) not in row]:
            raise InputError(
                f"{path}: keyframe {token} has no {missing[0]}; rebuild it with {remedy(path)}"
            )
        rows = [row[token, name] for name in MAP_CLASSES]
        pose = SE3.from_pose(lidar[token]).matrix
        truth = maps[location].masks(pose, np.eye(4))
        counts.append(count_pixels(predictions[rows].masks(), truth))
    return np.asarray(np.sum(counts, axis=0), dtype=np.int64)


def build(params: Params, taxonomy: Taxonomy) -> Scorer:
    """The scorer."""
    return MapScorer(params)
