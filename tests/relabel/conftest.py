from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cm3d.params import Relabel, load_params
from cm3d.relabel.split import Split
from cm3d.tables import Boxes3D, Frames, GroundTruth
from cm3d.tables.table import columns_of


@pytest.fixture
def make_boxes() -> Callable[..., Boxes3D]:
    """Cars of 4 m x 2 m x 1.5 m at yaw 0 from x, y positions; keywords are columns."""

    def build(*xy_m: tuple[float, float], **columns: Any) -> Boxes3D:
        rows = len(xy_m)
        values: dict[str, Any] = dict(
            sample_token=["f0"] * rows,
            class_name=["car"] * rows,
            score=np.full(rows, 0.5),
            center_m=np.array([(x, y, 1.0) for x, y in xy_m]).reshape(-1, 3),
            length_m=np.full(rows, 4.0),
            width_m=np.full(rows, 2.0),
            height_m=np.full(rows, 1.5),
            yaw_rad=np.zeros(rows),
            velocity_mps=np.zeros((rows, 2)),
            attribute_name=["vehicle.parked"] * rows,
        )
        return Boxes3D.from_columns(**(values | columns))

    return build


@pytest.fixture
def make_frames() -> Callable[[int], Frames]:
    """Keyframes f0, f1, ... of a scene, half a second apart, the ego vehicle at the origin."""

    def build(count: int) -> Frames:
        return Frames.from_columns(
            sample_token=[f"f{step}" for step in range(count)],
            scene_name=["scene"] * count,
            timestamp_us=[500_000 * step for step in range(count)],
            split=["train"] * count,
            location=[""] * count,
            global_SE3_ego=[(1.0, 0, 0, 0, 0, 0, 0)] * count,
        )

    return build


@pytest.fixture
def as_truth() -> Callable[[Boxes3D], GroundTruth]:
    """Boxes as ground truth that LiDAR points are in."""

    def build(boxes: Boxes3D, points: int = 9) -> GroundTruth:
        columns = {name: getattr(boxes, name) for name in columns_of(Boxes3D)}
        rows = len(boxes)
        return GroundTruth.from_columns(
            **columns,
            instance_token=[f"i{row}" for row in range(rows)],
            num_lidar_points=[points] * rows,
            num_radar_points=[0] * rows,
            visibility=[4] * rows,
        )

    return build


@pytest.fixture
def make_split(make_frames: Callable[[int], Frames]) -> Callable[..., Split]:
    """Keyframes of which the first `labelled` are."""

    def build(count: int, labelled: int, truth: GroundTruth) -> Split:
        return Split.of(make_frames(count), np.arange(count) < labelled, truth)

    return build


@pytest.fixture
def params(project) -> Relabel:
    """The project's own."""
    return load_params(project / "params.yaml").relabel
