import numpy as np

from cm3d.shelf.prepared import as_is, shapes, stack


def test_shapes_do_not_depend_on_the_order_of_names() -> None:
    one = {"a": np.zeros((2, 3)), "b": np.zeros(4)}
    assert shapes(one) == shapes(dict(reversed(one.items()))) == ((2, 3), (4,))


def test_stacking() -> None:
    batch = [as_is(np.full((2, 2, 3), level, np.uint8)) for level in (1, 2)]
    assert stack(batch, "image").shape == (2, 2, 2, 3)
    assert stack(batch, "image")[:, 0, 0, 0].tolist() == [1, 2]
