"""The scorer of masks."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from cm3d.errors import InputError
from cm3d.evaluation.masks.measures import MaskMeasures, measure_masks, score_masks
from cm3d.evaluation.protocol import Better, Scorer, Scores
from cm3d.execution.scenes import map_scenes
from cm3d.geometry.arrays import NDArrayFloat, NDArrayInt
from cm3d.geometry.se3 import SE3
from cm3d.params import Params
from cm3d.sensors.accumulation import accumulate
from cm3d.sensors.card import Sensors, open_sensors
from cm3d.sensors.instances import has_instances, instance_image_path, read_instances
from cm3d.tables import Boxes2D, Cameras, Frames, Masks, Sweeps, layout
from cm3d.tables.parquet import remedy
from cm3d.tables.words import positions
from cm3d.taxonomy import Taxonomy


@dataclass(frozen=True)
class MaskScorer:
    """Masks against the boxes that prompted them, LiDAR points, and true outlines where known.

    Args:
        params: Where the data set is, and how scenes are spread over processes.
    """

    params: Params

    @property
    def better(self) -> Mapping[str, Better]:
        """Which way each headline figure points."""
        return {
            "masks": "neither",
            "box_share": "neither",
            "points_per_mask": "neither",
            "with_points": "higher",
            "instance_iou": "higher",
        }

    def score(self, folder: Path, frames: Frames) -> Scores:
        """Score `Masks` on all images of some keyframes."""
        measure = partial(
            measure_scene, folder=folder, frames=frames, sensors=open_sensors(self.params.dataset)
        )
        scenes = sorted(set(frames.scene_name))
        measures = map_scenes(measure, scenes, self.params.execution, "measure")
        headline = score_masks(measures.values())
        return Scores(engine="masks", headline=headline, brief=headline)


def measure_scene(scene: str, folder: Path, frames: Frames, sensors: Sensors) -> MaskMeasures:
    """How full and how exact the masks of one scene are, on the images of some keyframes.

    Raises:
        InputError: A mask is of a detection that there is not.
    """
    name = f"{scene}.parquet"
    sweeps, cameras = Sweeps.read(layout.SWEEPS / name), Cameras.read(layout.CAMERAS / name)
    cameras = cameras[positions(cameras.sample_token, frames.sample_token) >= 0]

    def keyframe_points(token: str) -> NDArrayFloat:
        rows = sweeps[sweeps.sample_token == token]
        return accumulate(sensors, rows, SE3.identity(), max_sweeps=1, ego_half_extent_m=0.0).xyz_m

    def instances(token: str) -> NDArrayInt:
        return read_instances(layout.RAW / instance_image_path(token))

    masks, boxes = Masks.read(folder / name), Boxes2D.read(layout.BOXES2D / name)
    is_known = np.isin(masks.detection_id, boxes.detection_id)
    if not is_known.all():
        row = int(np.argmin(is_known))
        raise InputError(
            f"{folder / name}: row {row}, column 'detection_id': {masks.detection_id[row]} is no "
            f"detection of {layout.BOXES2D / name}; rebuild it with {remedy(folder / name)}"
        )
    return measure_masks(
        masks,
        boxes,
        cameras,
        keyframe_points,
        instances if has_instances(layout.RAW) else None,
    )


def build(params: Params, taxonomy: Taxonomy) -> Scorer:
    """The scorer."""
    return MaskScorer(params)
