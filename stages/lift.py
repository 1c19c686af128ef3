"""Lift masks to 3D boxes: LiDAR points inside each mask, a shape prior, the nearest lane."""

from functools import partial

from cm3d.datasets.root import dataset_root
from cm3d.execution.scenes import write_scene_tables
from cm3d.execution.stage import run_stage
from cm3d.geometry.arrays import NDArrayFloat
from cm3d.geometry.se3 import SE3
from cm3d.lift.frame import lift_frame
from cm3d.lift.lanes import LaneField
from cm3d.params import Params, load_params
from cm3d.sensors.lidar import accumulate
from cm3d.tables import Boxes3D, Cameras, Frames, Lanes, Masks, Sweeps, layout
from stages.scores import write_label_scores


def main() -> None:
    """Run the stage."""
    params = load_params()
    scenes = layout.all_scenes()
    say_which_maps_have_no_lanes(params)
    lift = partial(lift_scene, params=params)
    write_scene_tables("lift", layout.LIFTED, lift, scenes, params.execution.workers)
    write_label_scores("lift", layout.LIFTED, params.scoring.split)


def lift_scene(scene: str, params: Params) -> Boxes3D:
    """Boxes of one scene, keyframe by keyframe."""
    name = f"{scene}.parquet"
    frames = Frames.read(layout.FRAMES / name)
    sweeps = Sweeps.read(layout.SWEEPS / name)
    cameras = Cameras.read(layout.CAMERAS / name)
    masks = Masks.read(layout.MASKS / name)
    lanes = LaneField.from_lanes(Lanes.read(layout.LANES / f"{frames.location[0]}.parquet"))
    return Boxes3D.concatenate(
        lift_frame(
            token,
            accumulated_points(sweeps[sweeps.sample_token == token], params),
            masks[masks.sample_token == token],
            cameras[cameras.sample_token == token],
            lanes,
            pose[4:6],
            params.lift,
        )
        for token, pose in zip(frames.sample_token, frames.global_SE3_ego, strict=True)
    )


def say_which_maps_have_no_lanes(params: Params) -> None:
    """Vehicles there keep yaw 0, which a user should know once, not per scene."""
    maps = {path.stem: len(Lanes.read(path)) for path in sorted(layout.LANES.glob("*.parquet"))}
    without = [name for name, points in maps.items() if points == 0]
    if params.lift.use_map and without:
        print(f"note: no lanes for {', '.join(without)}; vehicles there get yaw 0")


def accumulated_points(sweeps: Sweeps, params: Params) -> NDArrayFloat:
    """(N, 3) points of a keyframe's sweeps, global frame."""
    root, ego_half_extent_m = dataset_root(params.dataset), params.lift.ego_half_extent_m
    global_SE3_global = SE3.identity()
    cloud = accumulate(root, sweeps, global_SE3_global, params.lift.sweeps, ego_half_extent_m)
    return cloud.xyz_m


if __name__ == "__main__":
    run_stage(main)
