"""Propose boxes from LiDAR alone: bird's-eye image, segments, rectangles."""

from functools import partial

from cm3d.datasets.root import dataset_root
from cm3d.evaluation.agnostic import PROTOCOLS
from cm3d.evaluation.summary import agnostic_headlines
from cm3d.execution.files import write_json
from cm3d.execution.scenes import write_scene_tables
from cm3d.execution.stage import run_stage
from cm3d.geometry.se3 import SE3
from cm3d.params import Params, load_params
from cm3d.sam3d import build_bev_segmenter, propose_boxes
from cm3d.sensors.lidar import accumulate
from cm3d.tables import Boxes3D, Frames, Sweeps, layout
from stages.scores import Scorer


def main() -> None:
    """Run the stage."""
    params = load_params()
    propose = partial(propose_scene, params=params)
    networks, scenes = params.sam3d.segmenter == "sam", layout.all_scenes()
    write_scene_tables("sam3d", layout.SAM3D, propose, scenes, params.execution, networks)
    scorer = Scorer.of(layout.split_frames(params.scoring.split))
    scores = scorer.score_agnostic(scorer.labels(layout.SAM3D), PROTOCOLS)
    write_json(layout.METRICS / "sam3d.json", agnostic_headlines(scores))


def propose_scene(scene: str, params: Params) -> Boxes3D:
    """Proposals of one scene, keyframe by keyframe."""
    frames = Frames.read(layout.FRAMES / f"{scene}.parquet")
    sweeps = Sweeps.read(layout.SWEEPS / f"{scene}.parquet")
    return Boxes3D.concatenate(
        propose_frame(token, sweeps[sweeps.sample_token == token], params)
        for token in frames.sample_token
    )


def propose_frame(token: str, sweeps: Sweeps, params: Params) -> Boxes3D:
    """Proposals of one keyframe, seen from its LiDAR."""
    root, ego_half_extent_m = dataset_root(params.dataset), params.sam3d.ego_half_extent_m
    global_SE3_lidar = SE3.from_pose(sweeps.sorted().global_SE3_lidar[0])
    lidar_SE3_global = global_SE3_lidar.inverse()
    cloud = accumulate(root, sweeps, lidar_SE3_global, params.sam3d.sweeps, ego_half_extent_m)
    segmenter = build_bev_segmenter(params.sam3d, params.execution.device)
    return propose_boxes(
        token, cloud.xyz_m, cloud.intensity, global_SE3_lidar, params.sam3d, segmenter
    )


if __name__ == "__main__":
    run_stage(main)
