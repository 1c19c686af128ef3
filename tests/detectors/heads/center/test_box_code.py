import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cm3d.detectors.grid import Grid
from cm3d.detectors.heads.center.box_code import CODE_SIZE, decode_boxes, encode_boxes
from cm3d.detectors.inputs import BoxTensors

GRID = Grid(4.0, 0.5, 16)


def _box(x: float, y: float, yaw: float, velocity: tuple[float, float]) -> BoxTensors:
    return BoxTensors(
        center_m=torch.tensor([[x, y, -1.0]], dtype=torch.float64),
        size_m=torch.tensor([[4.0, 2.0, 1.0]], dtype=torch.float64),
        yaw_rad=torch.tensor([yaw], dtype=torch.float64),
        velocity_mps=torch.tensor([velocity], dtype=torch.float64),
    )


def test_a_code_by_hand() -> None:
    box = _box(0.6, -3.9, np.pi / 2, (3.0, np.nan))
    code = encode_boxes(box, torch.tensor([0]), torch.tensor([9]), GRID)
    expected = [0.2, 0.2, -1.0, np.log(4), np.log(2), 0.0, 1.0, 0.0, 3.0, np.nan]
    assert code.shape == (1, CODE_SIZE)
    np.testing.assert_allclose(code[0], expected, atol=1e-12)


@settings(deadline=None)
@given(
    x=st.floats(-4, 3.999),
    y=st.floats(-4, 3.999),
    yaw=st.floats(-3.1, 3.1),
    velocity=st.tuples(st.floats(-20, 20), st.floats(-20, 20)),
)
def test_decoding_undoes_encoding(
    x: float, y: float, yaw: float, velocity: tuple[float, float]
) -> None:
    box = _box(x, y, yaw, velocity)
    row, column, _ = GRID.cell(box.center_m[:, :2])
    again = decode_boxes(encode_boxes(box, row, column, GRID), row, column, GRID)
    for name, values in vars(box).items():
        torch.testing.assert_close(getattr(again, name), values, atol=1e-9, rtol=0)


def test_sizes_beyond_reason_stay_writable() -> None:
    """By a model that had hardly learned a box was 9 mm long, and relabelling stopped."""
    code = torch.zeros(3, CODE_SIZE)
    code[:, 3:6] = torch.tensor([[-5.0, 0.0, 1.0], [9.0, 1.0, 1.0], [float("inf"), 0.0, -99.0]])
    row = torch.zeros(3, dtype=torch.long)
    size_m = decode_boxes(code, row, row, GRID).size_m
    assert ((size_m >= 0.01) & (size_m <= 1000)).all()
    assert (size_m[0, 1], size_m[1, 0] > 900) == (1.0, True)
