"""Lift masks to 3D boxes: LiDAR points inside each mask, a shape prior, the nearest lane."""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from cm3d.execution.publication import publication
from cm3d.execution.scenes import write_noted_tables
from cm3d.execution.stage import run_stage
from cm3d.geometry.se3 import SE3
from cm3d.lift.explained import ExplainedBoxes
from cm3d.lift.keyframe import Keyframe, Scan
from cm3d.lift.lanes import LaneField
from cm3d.lift.paper import lift_frame
from cm3d.lift.priors import Priors, load_priors
from cm3d.lift.refined import refined_scene
from cm3d.params import Lift, load_params
from cm3d.sensors.accumulation import accumulate
from cm3d.sensors.card import Sensors, open_sensors
from cm3d.sensors.pixels import newest_pixels
from cm3d.tables import Boxes3D, Cameras, Frames, Lanes, Masks, Sweeps, layout
from cm3d.tables.classed import read_classed
from cm3d.tables.noted import Noted
from cm3d.taxonomy import Taxonomy, load_taxonomy


def main() -> None:
    """Run the stage."""
    params = load_params()
    priors = load_priors(
        params.lift.shape_prior, load_taxonomy(params.taxonomy), params.lift.shape_prior_file
    )
    say_which_maps_have_no_lanes(params.lift)
    sensors = open_sensors(params.dataset)
    lift = partial(lift_scene, priors=priors, sensors=sensors, params=params.lift)
    with publication("lift") as made:
        write_noted_tables(
            "lift",
            made.folder(layout.LIFTED),
            partial(boxes_and_why, lift),
            dict.fromkeys(layout.all_scenes(), 1),
            params.execution,
            unit="scene",
            beside=[made.folder(layout.LIFT_EXPLAINED)],
        )


def boxes_and_why(lift: Callable[[str], ExplainedBoxes], scene: str) -> Noted[Boxes3D]:
    """The two tables of a scene."""
    found = lift(scene)
    return Noted(found.boxes, beside=(found.why,))


def lift_scene(scene: str, priors: Priors, sensors: Sensors, params: Lift) -> ExplainedBoxes:
    """Boxes of one scene by the recipe that is asked for, and what gave them."""
    frames = Frames.read(layout.FRAMES / f"{scene}.parquet")
    keyframes = read_keyframes(scene, frames, sensors, params, priors.taxonomy)
    if params.recipe == "refined":
        return refined_scene(keyframes, frames, priors, params)
    return ExplainedBoxes.concatenate(
        lift_frame(keyframe, priors, params) for keyframe in keyframes
    )


def read_keyframes(
    scene: str,
    frames: Frames,
    sensors: Sensors,
    params: Lift,
    taxonomy: Taxonomy | None = None,
) -> Iterator[Keyframe]:
    """What lifting reads of a scene, one keyframe at a time; masks of the taxonomy's classes."""
    name = f"{scene}.parquet"
    sweeps = Sweeps.read(layout.SWEEPS / name)
    cameras = Cameras.read(layout.CAMERAS / name)
    path = layout.MASKS / name
    masks = Masks.read(path) if taxonomy is None else read_classed(Masks, path, taxonomy)
    location = frames.location[0]  # empty where the data set has no map
    lanes = Lanes.read(layout.LANES / f"{location}.parquet") if location else Lanes.empty()
    field = LaneField.from_lanes(lanes)
    for token, pose in zip(frames.sample_token, frames.global_SE3_ego, strict=True):
        yield Keyframe(
            token,
            read_scan(sweeps[sweeps.sample_token == token], sensors, params),
            masks[masks.sample_token == token].sorted(),
            cameras[cameras.sample_token == token],
            field,
            SE3.from_pose(pose).levelled(),
        )


def read_scan(sweeps: Sweeps, sensors: Sensors, params: Lift) -> Scan:
    """The points of a keyframe's sweeps, global frame."""
    sweeps = sweeps.sorted()
    cloud = accumulate(sensors, sweeps, SE3.identity(), params.sweeps, params.ego_half_extent_m)
    global_SE3_lidar = SE3.from_pose(sweeps.global_SE3_lidar[0])
    (yaw_rad,) = global_SE3_lidar.transform_yaw(np.zeros(1))
    pixels = newest_pixels(sensors, sweeps, params.ego_half_extent_m)
    sensor_m = global_SE3_lidar.translation_m
    return Scan(cloud.xyz_m, cloud.time_lag_s, sensor_m, float(yaw_rad), pixels)


def say_which_maps_have_no_lanes(params: Lift) -> None:
    """Vehicles there are oriented without a map, which a user should know once, not per scene."""
    maps = {path.stem: len(Lanes.read(path)) for path in sorted(layout.LANES.glob("*.parquet"))}
    without = [name for name, points in maps.items() if points == 0]
    if params.orientation.use_map and without:
        instead = "as fitted" if params.recipe == "refined" else "0"
        print(f"note: no lanes for {', '.join(without)}; yaw of vehicles there: {instead}")


if __name__ == "__main__":
    run_stage(main)
