"""Names for array types, used in every signature."""

from typing import Any, TypeAlias

import numpy as np

NDArrayFloat: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
NDArrayFloat32: TypeAlias = np.ndarray[Any, np.dtype[np.float32]]
NDArrayInt: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]
NDArrayBool: TypeAlias = np.ndarray[Any, np.dtype[np.bool_]]
NDArrayByte: TypeAlias = np.ndarray[Any, np.dtype[np.uint8]]
NDArrayObject: TypeAlias = np.ndarray[Any, np.dtype[np.object_]]
