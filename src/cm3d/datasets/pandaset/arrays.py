"""Arrays from what a pickle says of them: raw bytes, a type and a shape, or a list of cells."""

import math
import re
from itertools import pairwise
from typing import Any, Final, TypeAlias

import numpy as np

from cm3d.datasets.pandaset.pickles import Made

Values: TypeAlias = np.ndarray[Any, np.dtype[Any]]

# Plain numbers and truth values, and `O` for cells of any kind; nothing with fields or times.
_TYPES: Final = re.compile(r"b1|[iu][1248]|f[248]|O[48]?")
_BYTE_ORDERS: Final = ("<", ">", "=", "|")
_CELLS: Final = (str, int, float, bool, type(None))
_WRAPPERS: Final = ("bytes", "bytearray", "buffer")  # of what stands for bytes
_OFFSETS: Final = {"string": "<i4", "large_string": "<i8"}  # of Arrow, as numpy's


def array_of(described: Any) -> Values:
    """The array that a pickle describes.

    Raises:
        ValueError: It describes another kind of thing, or sizes that do not agree.
    """
    match described:
        case Made("reconstruct", _, (_, shape, dtype, is_fortran, data)):
            return _filled(data, _dtype_of(dtype), shape, "F" if is_fortran else "C")
        case Made("frombuffer", (data, dtype, shape, order)):
            return _filled(data, _dtype_of(dtype), shape, order)
        case Made("arrow strings", (), {"_pa_array": held} | {"_data": held}):
            return _arrow_strings(held)
    raise ValueError("it holds another kind of array than numbers and texts")


def _filled(data: Any, dtype: np.dtype[Any], shape: Any, order: Any) -> Values:
    if type(shape) is not tuple or any(type(side) is not int or side < 0 for side in shape):
        raise ValueError("an array has no shape")
    if dtype.hasobject:
        if type(data) is not list:
            raise ValueError("an array of cells is no list")
        array = np.empty(len(data), dtype=object)
        array[:] = [_cell(value) for value in data]
    else:
        array = _numbers(data, dtype)
    if array.size != math.prod(shape):
        raise ValueError(f"an array of shape {shape} has {array.size} values")
    return array.reshape(shape, order="F" if order == "F" else "C")


def _cell(value: Any) -> Any:
    match value:
        case Made("scalar", (dtype, data)):
            return _numbers(data, _dtype_of(dtype))[0].item()
    if not isinstance(value, _CELLS):
        raise ValueError(f"a cell holds a {type(value).__name__}")
    return value


def _dtype_of(described: Any) -> np.dtype[Any]:
    match described:
        case Made("dtype", (str(code), *_), (_, str(byte_order), None, None, None, *_)):
            if _TYPES.fullmatch(code) and byte_order in _BYTE_ORDERS:
                return np.dtype("O" if code.startswith("O") else byte_order + code)
    raise ValueError("an array is of another type than numbers and texts")


def _bytes_of(described: Any) -> bytes | bytearray:
    """Bytes; before protocol 3 they stand as a text that is to be encoded."""
    while isinstance(described, Made) and described.kind in _WRAPPERS and described.args:
        described = described.args[0]
    match described:
        case bytes() | bytearray():
            return described
        case Made("encode", (str(text), "latin1" | "latin-1")):
            return text.encode("latin1")
        case Made("bytes", ()) | Made("bytearray", ()):
            return b""
    raise ValueError("an array has no bytes")


def _arrow_strings(described: Any) -> Values:
    """Texts as pandas 3 keeps them: all in one, with the places where each begins and ends."""
    match described:
        case Made(
            "arrow array", ((Made("arrow type", (str(kind),)), int(count), _, 0, buffers, *_),)
        ):
            is_valid, places, text = buffers
        case _:
            raise ValueError("an array of texts is of another kind than pandas writes")
    begins = _numbers(places, np.dtype(_OFFSETS[kind]))
    joined = bytes(_bytes_of(text)) if text is not None else b""
    if not 0 <= count < len(begins):
        raise ValueError("an array of texts is cut short")
    begins = begins[: count + 1]  # the rest is padding
    # places that go back would make a small file fill the memory
    if begins[0] < 0 or begins[-1] > len(joined) or (np.diff(begins) < 0).any():
        raise ValueError("an array of texts has places that are none")
    bounds = begins.tolist()
    cells = [joined[start:stop].decode() for start, stop in pairwise(bounds)]
    array = np.empty(count, dtype=object)
    array[:] = cells
    if is_valid is not None:
        bits = np.unpackbits(_numbers(is_valid, np.dtype("u1")), count=count, bitorder="little")
        array[bits == 0] = None
    return array


def _numbers(described: Any, dtype: np.dtype[Any]) -> Values:
    data = _bytes_of(described)
    return np.frombuffer(data, dtype) if data else np.empty(0, dtype)
