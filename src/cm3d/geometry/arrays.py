"""Names for array types, used in every signature."""

from typing import Any, TypeAlias

import numpy as np

NDArrayFloat: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
NDArrayFloat32: TypeAlias = np.ndarray[Any, np.dtype[np.float32]]
NDArrayInt: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]
NDArrayBool: TypeAlias = np.ndarray[Any, np.dtype[np.bool_]]
NDArrayByte: TypeAlias = np.ndarray[Any, np.dtype[np.uint8]]
NDArrayObject: TypeAlias = np.ndarray[Any, np.dtype[np.object_]]


def floats_or_nan(values: Any, shape: tuple[int, ...]) -> NDArrayFloat:
    """What somebody gave as numbers of one shape; NaNs of that shape where it is nothing like it.

    For values that are checked later, where it is known whose they are.
    """
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        return np.full(shape, np.nan)
    return array if array.shape == shape else np.full(shape, np.nan)
