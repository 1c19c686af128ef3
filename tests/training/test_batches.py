import numpy as np
import torch

from cm3d.models.sensor_boxes import SensorBoxes
from cm3d.training.batches import Batch, Sample, collate


def _boxes(count: int) -> SensorBoxes:
    return SensorBoxes(
        np.arange(count),
        np.ones(count),
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
    assert batch.frames == 3
    assert batch.tokens == ("frame2", "frame0", "frame3")
    assert batch.point_frame.tolist() == [0, 0, 2, 2, 2]
    assert batch.points[:, 0].tolist() == [2, 2, 3, 3, 3]
    assert batch.box_frame.tolist() == [0, 1, 1]
    assert batch.class_index.tolist() == [0, 0, 1]
    assert batch.boxes.center_m.shape == (3, 3)
    assert batch.boxes.velocity_mps.isnan().all()


def test_a_batch_moves_whole() -> None:
    moved = _batch().to(torch.device("meta"))
    assert moved.tokens == _batch().tokens
    tensors = [moved.points, moved.point_frame, moved.box_frame, moved.class_index]
    assert {values.device.type for values in (*tensors, *vars(moved.boxes).values())} == {"meta"}
