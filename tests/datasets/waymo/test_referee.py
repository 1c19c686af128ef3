"""Waymo's own code opens the files that our writer makes, and finds our reader's points in them."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from cm3d.sensors.lidar import read_sweep
from cm3d.taxonomy import Taxonomy, load_taxonomy
from tests.tiny_waymo import CAMERAS, FOLDERS, TIMES_US, TRAIN, open_waymo, write_waymo

pytestmark = pytest.mark.waymo


@pytest.fixture
def three(project: Path) -> Taxonomy:
    return load_taxonomy("waymo", project / "taxonomies")


def test_waymos_reader_opens_our_files_and_finds_our_points(
    tmp_path: Path, three: Taxonomy
) -> None:
    if (python := os.environ.get("CM3D_WAYMO_PYTHON")) is None:
        pytest.skip("CM3D_WAYMO_PYTHON is not set: docs/evaluation.md, Waymo")
    write_waymo(tmp_path)
    script, out = Path(__file__).with_name("official_points.py"), tmp_path / "points.npz"
    command = [python, str(script), str(tmp_path / FOLDERS[TRAIN]), TRAIN, str(out)]
    environment = os.environ | {"PYTHONPATH": "", "TF_CPP_MIN_LOG_LEVEL": "3"}
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr[-2000:]
    opened = json.loads(told.stdout.splitlines()[-1])
    frames = len(TIMES_US)
    assert opened["lidar"] == 2 * frames
    assert opened["lidar_pose"] == opened["vehicle_pose"] == frames
    assert opened["camera_image"] == len(CAMERAS) * frames
    assert opened["lidar_box"] == 2 * frames

    data = open_waymo(tmp_path, three)
    for time_us in TIMES_US:
        ours = read_sweep(data.root / data.places.lidar(TRAIN, time_us), data.card.lidar)
        theirs = np.load(out)[str(time_us)]
        np.testing.assert_allclose(ours[:, :3], theirs[:, 3:], atol=1e-3)
        np.testing.assert_allclose(ours[:, 3], np.tanh(theirs[:, 1]), atol=1e-6)
