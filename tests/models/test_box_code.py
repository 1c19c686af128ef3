import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cm3d.models.box_code import CODE_SIZE, decode_boxes, encode_boxes
from cm3d.models.grid import Grid
from cm3d.models.sensor_boxes import SensorBoxes

GRID = Grid(4.0, 0.5, 16)


def _box(x: float, y: float, yaw: float, velocity: tuple[float, float]) -> SensorBoxes:
    return SensorBoxes(
        class_index=np.array([2]),
        score=np.array([0.5]),
        center_m=np.array([[x, y, -1.0]]),
        size_m=np.array([[4.0, 2.0, 1.0]]),
        yaw_rad=np.array([yaw]),
        velocity_mps=np.array([velocity]),
    )


def test_a_code_by_hand() -> None:
    code = encode_boxes(
        _box(0.6, -3.9, np.pi / 2, (3.0, np.nan)), np.array([0]), np.array([9]), GRID
    )
    expected = [0.2, 0.2, -1.0, np.log(4), np.log(2), 0.0, 1.0, 0.0, 3.0, np.nan]
    assert code.shape == (1, CODE_SIZE)
    np.testing.assert_allclose(code[0], expected, atol=1e-12)


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
    code = encode_boxes(box, row, column, GRID)
    again = decode_boxes(code, row, column, box.class_index, box.score, GRID)
    for name in ("class_index", "score", "center_m", "size_m", "yaw_rad", "velocity_mps"):
        np.testing.assert_allclose(getattr(again, name), getattr(box, name), atol=1e-9)
