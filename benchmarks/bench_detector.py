"""The detector: samples per second, and pillars against a loop over points.

The frame is the real keyframe ($CM3D_REAL_KEYFRAME), its one sweep standing in for ten, or,
without it, random points on rings. The peer of the encoder is what one writes first: a loop over
points that gathers them by pillar, then a loop over pillars. Both give the same canvas, which
is checked.
"""

import os
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor
from torch.nn import functional

from benchmarks.timing import timed
from cm3d.execution.device import choose_device
from cm3d.geometry.arrays import NDArrayFloat32
from cm3d.models.centerpoint import CenterPoint, build_centerpoint
from cm3d.models.decode import decode
from cm3d.models.pillars import PillarEncoder
from cm3d.models.sensor_boxes import SensorBoxes
from cm3d.params import Detector, Params, load_params
from cm3d.sensors.lidar import drop_ego_points, read_sweep
from cm3d.training.batches import Batch, collate
from cm3d.training.determinism import deterministic
from cm3d.training.targets import make_targets
from cm3d.training.trainer import Trainer

_KEYFRAME = Path(os.environ.get("CM3D_REAL_KEYFRAME", "../shared/real/nuscenes-keyframe")).resolve()
_BOXES = 40


def main() -> None:
    """Measure and print the tables."""
    params = load_params()
    device = choose_device(params.execution.device)
    points = sweeps(params.detector)
    with deterministic():
        show_rates(params, points, device)
        show_encoders(params.detector, points)


def show_rates(params: Params, points: NDArrayFloat32, device: torch.device) -> None:
    """Samples per second of a training step and of inference."""
    batch = training_batch(params, points)
    model = build_centerpoint(params.detector, params.seed).to(device)
    trainer = Trainer(model, params.detector, params.pretrain, steps=1000)
    cloud, owner = batch.points[: len(points)].to(device), batch.point_frame[: len(points)]
    train_ms = timed(lambda: trainer.step(batch), repeats=5).best_ms
    infer_ms = timed(
        lambda: infer(model, cloud, owner.to(device), params.detector), repeats=5
    ).best_ms
    parameters = sum(parameter.numel() for parameter in model.parameters())
    table = Table(
        title=f"{device}, {torch.get_num_threads()} threads: {len(points)} points per sample, "
        f"{parameters / 1e6:.2f} M parameters"
    )
    for heading in ("", "s per sample", "samples per s"):
        table.add_column(heading, justify="right" if heading else "left")
    size = len(batch.heatmap)
    rows = {f"training step, batch of {size}": train_ms / size, "inference, one by one": infer_ms}
    for name, elapsed_ms in rows.items():
        table.add_row(name, f"{elapsed_ms / 1e3:.3f}", f"{1e3 / elapsed_ms:.1f}")
    Console().print(table)


def show_encoders(detector: Detector, points: NDArrayFloat32) -> None:
    """The pillar encoder against loops over points and pillars."""
    encoder = PillarEncoder(detector).eval()
    cloud, owner = torch.from_numpy(points), torch.zeros(len(points), dtype=torch.int64)
    with torch.inference_mode():
        ours, peer = encoder(cloud, owner, 1)[0], encode_point_by_point(encoder, points)
        torch.testing.assert_close(ours, peer, atol=1e-4, rtol=1e-4)
        ours_ms = timed(lambda: encoder(cloud, owner, 1), repeats=5).best_ms
        peer_ms = timed(lambda: encode_point_by_point(encoder, points), repeats=1).best_ms
    table = Table(title=f"pillars of {len(points)} points on the CPU")
    for heading in ("", "time (ms)", "times faster"):
        table.add_column(heading, justify="right" if heading else "left")
    table.add_row("cm3d.models.pillars", f"{ours_ms:.0f}", f"{peer_ms / ours_ms:.0f}")
    table.add_row("loop over points", f"{peer_ms:.0f}", "1")
    Console().print(table)


def sweeps(detector: Detector) -> NDArrayFloat32:
    """Points (N, 5) as dense as those of `detector.sweeps` sweeps, LiDAR frame."""
    rng = np.random.default_rng(0)
    files = sorted((_KEYFRAME / "samples" / "LIDAR_TOP").glob("*.bin"))
    one = drop_ego_points(read_sweep(files[0]), 1.0) if files else random_sweep(rng)
    many = np.tile(one, (detector.sweeps, 1))
    age = np.repeat(np.arange(detector.sweeps), len(one))
    many[:, 1] -= 0.3 * age
    many[:, 3], many[:, 4] = many[:, 3] / 255, 0.05 * age
    many[:, :3] += rng.normal(0, 0.02, (len(many), 3))
    return np.asarray(many, dtype=np.float32)


def random_sweep(rng: np.random.Generator) -> NDArrayFloat32:
    """30,000 points on the ground (N, 5), denser near the sensor."""
    distance_m, bearing_rad = rng.uniform(1.5, 50, 30_000), rng.uniform(-np.pi, np.pi, 30_000)
    xy_m = distance_m[:, None] * np.stack([np.cos(bearing_rad), np.sin(bearing_rad)], axis=1)
    rest = rng.uniform([-2, 0, 0], [0, 255, 31], (30_000, 3))
    return np.concatenate([xy_m, rest], axis=1, dtype=np.float32, casting="same_kind")


def training_batch(params: Params, points: NDArrayFloat32) -> Batch:
    """The same points in every frame, with random boxes."""
    rng, detector = np.random.default_rng(0), params.detector
    samples = []
    for _ in range(params.pretrain.batch_size):
        boxes = SensorBoxes(
            class_index=rng.integers(0, len(detector.class_names), _BOXES),
            score=np.ones(_BOXES),
            center_m=rng.uniform([-45, -45, -2], [45, 45, 0], (_BOXES, 3)),
            size_m=rng.uniform(0.5, 5, (_BOXES, 3)),
            yaw_rad=rng.uniform(-np.pi, np.pi, _BOXES),
            velocity_mps=rng.normal(0, 3, (_BOXES, 2)),
        )
        samples.append((points, make_targets(boxes, detector)))
    return collate(samples)


def infer(model: CenterPoint, cloud: Tensor, owner: Tensor, detector: Detector) -> None:
    """From points to boxes."""
    with torch.inference_mode():
        decode(model.eval()(cloud, owner, 1), detector)


def encode_point_by_point(encoder: PillarEncoder, points: NDArrayFloat32) -> Tensor:
    """The encoder in evaluation mode by dictionaries and loops; canvas (C, rows, columns)."""
    grid, limit = encoder.grid, encoder.max_points
    pillars: dict[tuple[int, int], list[NDArrayFloat32]] = {}
    for point in points:
        column = int(np.floor((point[0] + np.float32(grid.range_m)) / np.float32(grid.cell_m)))
        row = int(np.floor((point[1] + np.float32(grid.range_m)) / np.float32(grid.cell_m)))
        inside = 0 <= column < grid.size and 0 <= row < grid.size
        if inside and encoder.min_z_m <= point[2] < encoder.max_z_m:
            pillars.setdefault((row, column), []).append(point)
    canvas = torch.zeros(encoder.linear.out_features, grid.size, grid.size)
    scale = np.array([grid.range_m, grid.range_m, (encoder.max_z_m - encoder.min_z_m) / 2])
    for (row, column), points_of_pillar in pillars.items():
        total = len(points_of_pillar)
        ranks = [r for r in range(total) if r * limit // total > (r - 1) * limit // total]
        kept = np.stack([points_of_pillar[rank] for rank in ranks])
        center_m = (np.array([column, row]) + 0.5) * grid.cell_m - grid.range_m
        from_mean = (kept[:, :3] - kept[:, :3].mean(axis=0)) / grid.cell_m
        from_center = (kept[:, :2] - center_m) / grid.cell_m
        parts = [kept[:, :3] / scale, kept[:, 3:], from_mean, from_center]
        decorated = torch.from_numpy(np.concatenate(parts, axis=1).astype(np.float32))
        feature = encoder.linear(decorated).amax(dim=0, keepdim=True)
        canvas[:, row, column] = functional.relu(encoder.norm(feature))[0]
    return canvas


if __name__ == "__main__":
    main()
