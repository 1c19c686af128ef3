"""Pickles that any Python 3 and any numpy opens, and that name nothing but arrays."""

import pickle
from io import BytesIO
from typing import Any, Final

import numpy as np

_PROTOCOL: Final = 4  # of Python 3.4


def pickled(content: Any) -> bytes:
    """A pickle of plain values, containers and arrays."""
    stream = BytesIO()
    _Pickler(stream, _PROTOCOL).dump(content)
    return stream.getvalue()


class _Pickler(pickle.Pickler):
    def reducer_override(self, value: Any) -> Any:
        """Arrays as `numpy.ndarray(shape, type, buffer)`.

        What numpy 2 writes by itself names a module that numpy below 1.26 does not have.
        """
        if isinstance(value, np.ndarray):
            return np.ndarray, (value.shape, value.dtype.str, bytearray(value.tobytes()))
        return NotImplemented
