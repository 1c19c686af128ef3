"""Propose boxes from LiDAR alone: bird's-eye image, segments, rectangles."""

from functools import partial

from cm3d.execution.publication import publication
from cm3d.execution.scenes import write_scene_tables
from cm3d.execution.stage import run_stage
from cm3d.geometry.se3 import SE3
from cm3d.params import Sam3D, load_params
from cm3d.sam3d.proposals import propose_boxes
from cm3d.sam3d.segmenters import build_bev_segmenter
from cm3d.sensors.accumulation import accumulate
from cm3d.sensors.card import Sensors, open_sensors
from cm3d.tables import Boxes3D, Frames, Sweeps, layout


def main() -> None:
    """Run the stage."""
    params = load_params()
    propose = partial(
        propose_scene,
        sensors=open_sensors(params.dataset),
        params=params.sam3d,
        device=params.execution.device,
    )
    networks, scenes = params.sam3d.segmenter == "sam", layout.all_scenes()
    with publication("sam3d") as made:
        folder = made.folder(layout.SAM3D)
        write_scene_tables("sam3d", folder, propose, scenes, params.execution, networks)


def propose_scene(scene: str, sensors: Sensors, params: Sam3D, device: str) -> Boxes3D:
    """Proposals of one scene, each keyframe seen from its LiDAR."""
    frames = Frames.read(layout.FRAMES / f"{scene}.parquet")
    sweeps = Sweeps.read(layout.SWEEPS / f"{scene}.parquet")
    segmenter = build_bev_segmenter(params, device)
    proposals = []
    for token in frames.sample_token:
        rows = sweeps[sweeps.sample_token == token].sorted()
        global_SE3_lidar = SE3.from_pose(rows.global_SE3_lidar[0])
        lidar_SE3_global = global_SE3_lidar.inverse()
        cloud = accumulate(sensors, rows, lidar_SE3_global, params.sweeps, params.ego_half_extent_m)
        proposals.append(
            propose_boxes(token, cloud.xyz_m, cloud.intensity, global_SE3_lidar, params, segmenter)
        )
    return Boxes3D.concatenate(proposals)


if __name__ == "__main__":
    run_stage(main)
