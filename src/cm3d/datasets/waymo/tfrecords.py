"""The first record of a TFRecord file; its checksums are CRC-32C, computed by numpy.

A record is its length (8 bytes), a checksum of that, its bytes, and a checksum of these.
"""

from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np

from cm3d.errors import InputError
from cm3d.params import check_file

_Words: TypeAlias = np.ndarray[Any, np.dtype[np.uint32]]

_AGAIN: Final = "fetch it again (Waymo v1)"
_HEADER_BYTES: Final = 12
_CHECKSUM_BYTES: Final = 4
_POLYNOMIAL: Final = np.uint32(0x82F63B78)  # lowest bit first
_ONES: Final = 0xFFFFFFFF
_MASK: Final = 0xA282EAD8
_LANES: Final = 1024  # parts of a record that are gone through in step


def first_record(path: Path) -> bytes:
    """The first record of a file; nothing behind it is read.

    Raises:
        InputError: The file is missing, cut short, damaged, or none of this kind.
    """
    try:
        with check_file(path, _AGAIN).open("rb") as file:
            header = file.read(_HEADER_BYTES)
            if masked_checksum(header[:8]) != header[8:]:
                what = (
                    "cut short" if len(header) < _HEADER_BYTES else "no TFRecord file, or damaged"
                )
                raise InputError(f"{path}: {what}; {_AGAIN}")
            size_bytes = int.from_bytes(header[:8], "little")
            left_bytes = path.stat().st_size - _HEADER_BYTES - _CHECKSUM_BYTES
            if size_bytes > left_bytes:
                raise InputError(f"{path}: cut short within its first frame; {_AGAIN}")
            content = file.read(size_bytes)
            if masked_checksum(content) != file.read(_CHECKSUM_BYTES):
                raise InputError(f"{path}: its first frame has another checksum; {_AGAIN}")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); {_AGAIN}") from error
    return content


def masked_checksum(content: bytes) -> bytes:
    """Checksum of some bytes as it stands in the file, turned and shifted."""
    checksum = crc32c(content)
    turned = checksum >> 15 | checksum << 17 & _ONES
    return (turned + _MASK & _ONES).to_bytes(_CHECKSUM_BYTES, "little")


def crc32c(content: bytes) -> int:
    """CRC-32C of some bytes.

    Their parts are gone through in step, each from state 0, beside what the 32 states of one bit
    become meanwhile: states add up bit by bit, so that these say what follows from any state.
    """
    steps, rest = divmod(len(content), _LANES)
    data = np.frombuffer(content, dtype=np.uint8)
    start = np.array([_ONES], dtype=np.uint32)
    for byte in data[:rest]:
        start = _after(start, byte)
    columns = np.zeros((steps, _LANES + 32), dtype=np.uint8)
    columns[:, :_LANES] = data[rest:].reshape(_LANES, steps).T
    states = np.zeros(_LANES + 32, dtype=np.uint32)
    states[_LANES:] = np.uint32(1) << np.arange(32, dtype=np.uint32)
    for column in columns:
        states = _after(states, column)
    of_bits = states[_LANES:].tolist()
    state = int(start[0])
    for part in states[:_LANES].tolist():
        moved = 0
        for bit, becomes in enumerate(of_bits):
            moved ^= becomes * (state >> bit & 1)
        state = moved ^ part
    return state ^ _ONES


def _after(states: _Words, byte: Any) -> _Words:
    """States (N,) one byte, or (N,) bytes, later."""
    return np.asarray(states >> 8 ^ _TABLE[(states ^ byte) & 0xFF])


def _table() -> _Words:
    """What each byte does to a state."""
    values = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        values = np.where(values & 1, values >> 1 ^ _POLYNOMIAL, values >> 1)
    return values


_TABLE: Final = _table()
