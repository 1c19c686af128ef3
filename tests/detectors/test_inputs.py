import numpy as np
import torch

from cm3d.detectors.boxes import SensorBoxes
from cm3d.detectors.inputs import Batch, Images, Sample, collate, stack_inputs


def _boxes(count: int) -> SensorBoxes:
    return SensorBoxes(
        np.arange(count),
        np.linspace(1.0, 0.0, count),
        np.full((count, 3), 7.0),
        np.ones((count, 3)),
        np.zeros(count),
        np.full((count, 2), np.nan),
    )


def _batch() -> Batch:
    samples = [
        Sample(f"frame{points}", np.full((points, 5), points, np.float32), _boxes(count))
        for points, count in ((2, 1), (0, 2), (3, 0))
    ]
    return collate(samples)


def test_ragged_rows_know_their_frame() -> None:
    batch = _batch()
    points, labels = batch.inputs.points, batch.labels
    assert points is not None
    assert batch.inputs.images is None
    assert batch.inputs.frames == 3
    assert batch.tokens == ("frame2", "frame0", "frame3")
    assert points.frame.tolist() == [0, 0, 2, 2, 2]
    assert points.values[:, 0].tolist() == [2, 2, 3, 3, 3]
    assert labels.frame.tolist() == [0, 1, 1]
    assert labels.class_index.tolist() == [0, 0, 1]
    assert labels.weight.tolist() == [1, 1, 0]
    assert labels.weight.dtype == torch.float32
    assert labels.boxes.center_m.shape == (3, 3)
    assert labels.boxes.velocity_mps.isnan().all()


def test_a_batch_moves_whole() -> None:
    moved = _batch().to(torch.device("meta"))
    assert moved.tokens == _batch().tokens
    points, labels = moved.inputs.points, moved.labels
    assert points is not None
    tensors = [points.values, points.frame, labels.frame, labels.class_index, labels.weight]
    assert {values.device.type for values in (*tensors, *vars(labels.boxes).values())} == {"meta"}


def test_images_of_two_frames_are_stacked_with_their_matrices() -> None:
    views = [
        Images(
            pixels=torch.full((6, 3, 2, 4), value),
            intrinsics_px=torch.full((6, 3, 3), value),
            lidar_SE3_camera=torch.full((6, 4, 4), value),
            image_augmentation=torch.eye(3).expand(6, 3, 3),
            lidar_augmentation=torch.eye(4) * value,
            seen=torch.ones(6, dtype=torch.bool),
        )
        for value in (1.0, 2.0)
    ]
    samples = [Sample("", None, SensorBoxes.empty(), view) for view in views]
    inputs = stack_inputs(samples)
    assert inputs.points is None
    assert inputs.images is not None
    assert inputs.images.pixels.shape == (2, 6, 3, 2, 4)
    assert inputs.images.lidar_augmentation.shape == (2, 4, 4)
    assert inputs.images.lidar_SE3_camera[1].unique().tolist() == [2.0]
