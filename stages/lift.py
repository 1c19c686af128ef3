"""Lift masks to 3D boxes: LiDAR points inside each mask, a shape prior, the nearest lane."""

from collections.abc import Iterator
from functools import partial

from cm3d.datasets.root import dataset_root
from cm3d.execution.scenes import write_scene_tables
from cm3d.execution.stage import run_stage
from cm3d.geometry.se3 import SE3
from cm3d.lift.frame import lift_frame
from cm3d.lift.keyframe import Keyframe, Scan
from cm3d.lift.lanes import LaneField
from cm3d.lift.refine.scene import refine_scene
from cm3d.lift.shape_priors import Priors, load_priors
from cm3d.params import Params, load_params
from cm3d.sensors.lidar import accumulate
from cm3d.tables import Boxes3D, Cameras, Frames, Lanes, Masks, Sweeps, layout
from stages.scores import write_label_scores


def main() -> None:
    """Run the stage."""
    params = load_params()
    priors = load_priors(params.lift.shape_prior)
    say_which_maps_have_no_lanes(params)
    lift = partial(lift_scene, priors=priors, params=params)
    write_scene_tables("lift", layout.LIFTED, lift, layout.all_scenes(), params.execution)
    write_label_scores("lift", layout.LIFTED, layout.split_frames(params.scoring.split))


def lift_scene(scene: str, priors: Priors, params: Params) -> Boxes3D:
    """Boxes of one scene by the recipe that is asked for."""
    frames = Frames.read(layout.FRAMES / f"{scene}.parquet")
    keyframes = read_keyframes(scene, frames, params)
    if params.lift.recipe == "refined":
        return refine_scene(keyframes, frames, priors, params.lift)
    return Boxes3D.concatenate(lift_frame(keyframe, priors, params.lift) for keyframe in keyframes)


def read_keyframes(scene: str, frames: Frames, params: Params) -> Iterator[Keyframe]:
    """What lifting reads of a scene, one keyframe at a time."""
    name = f"{scene}.parquet"
    sweeps = Sweeps.read(layout.SWEEPS / name)
    cameras = Cameras.read(layout.CAMERAS / name)
    masks = Masks.read(layout.MASKS / name)
    lanes = LaneField.from_lanes(Lanes.read(layout.LANES / f"{frames.location[0]}.parquet"))
    for token, pose in zip(frames.sample_token, frames.global_SE3_ego, strict=True):
        yield Keyframe(
            token,
            read_scan(sweeps[sweeps.sample_token == token], params),
            masks[masks.sample_token == token].sorted(),
            cameras[cameras.sample_token == token],
            lanes,
            pose[4:6],
        )


def read_scan(sweeps: Sweeps, params: Params) -> Scan:
    """The points of a keyframe's sweeps, global frame."""
    cloud = accumulate(
        dataset_root(params.dataset),
        sweeps,
        SE3.identity(),
        params.lift.sweeps,
        params.lift.ego_half_extent_m,
    )
    return Scan(cloud.xyz_m, cloud.time_lag_s, sweeps.sorted().global_SE3_lidar[0, 4:])


def say_which_maps_have_no_lanes(params: Params) -> None:
    """Vehicles there are oriented without a map, which a user should know once, not per scene."""
    maps = {path.stem: len(Lanes.read(path)) for path in sorted(layout.LANES.glob("*.parquet"))}
    without = [name for name, points in maps.items() if points == 0]
    if params.lift.orientation.use_map and without:
        instead = "as fitted" if params.lift.recipe == "refined" else "0"
        print(f"note: no lanes for {', '.join(without)}; yaw of vehicles there: {instead}")


if __name__ == "__main__":
    run_stage(main)
