"""What the benchmark compares is the same, and its rig sees all around."""

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.bench_bevfusion import models_table
from benchmarks.fusion.model import Figures
from benchmarks.fusion.rig import lidar_SE3_cameras, rig, write_images
from benchmarks.fusion.transform import case_of, on, outer_product, there_and_back
from cm3d.detectors.cameras.rays import Rays
from cm3d.detectors.cameras.splat import splat
from cm3d.tables import Boxes3D, Sweeps
from cm3d.training.frames import TrainingFrame
from cm3d.training.images import ImageAugmentation, load_images, rig_of
from tests.tiny_detector import sensors_at, tiny_bevfusion

CPU = torch.device("cpu")


def test_both_ways_give_the_same_map_and_gradients() -> None:
    case = on(case_of("tiny", 9, (4, 8), 5, 16, np.random.default_rng(0)), torch.device("cpu"))
    assert 0 < (case.cell >= 0).float().mean() <= 1
    for ours, theirs in zip(
        there_and_back(splat, case), there_and_back(outer_product, case), strict=True
    ):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


def test_cameras_look_away_from_each_other() -> None:
    rays = Rays.of(rig(64, 32))
    ahead = rays.at(torch.tensor([[32.0, 16.0]]), torch.tensor([1.0]))[0, :, 0, 0]
    yaw_deg = np.degrees(np.arctan2(ahead[:, 1], ahead[:, 0])) % 360
    assert yaw_deg == pytest.approx([0, 60, 120, 180, 240, 300], abs=1e-3)


def test_images_are_files_that_a_training_reads(tmp_path: Path) -> None:
    sweeps = Sweeps.from_columns(
        sample_token=["a"],
        sweep_index=[0],
        path=["a.bin"],
        time_lag_s=[0.0],
        global_SE3_lidar=[[1.0, 0, 0, 0, 0, 0, 0]],
    )
    frame = TrainingFrame("a", sweeps, Boxes3D.empty(), write_images(tmp_path, "a"))
    wanted = tiny_bevfusion("cameras").cameras
    images, _ = load_images(
        frame,
        rig_of([frame]),
        sensors_at(tmp_path),
        wanted,
        ImageAugmentation.none(wanted),
        np.eye(4),
    )
    assert images.seen.all()
    assert images.lidar_SE3_camera.numpy() == pytest.approx(lidar_SE3_cameras(), abs=1e-6)


def test_a_row_has_shares_in_percent() -> None:
    table = models_table({"both": Figures(3_690_000, 219.4, 0.035, 65, 812, 4.56, 0.02)}, CPU)
    cells = [next(iter(column.cells)) for column in table.columns]
    assert cells == ["both", "3.69 M", "219", "3.5%", "65", "812", "4.6", "2%"]
