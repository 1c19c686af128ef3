"""Messages to bytes: a matrix with a row per message, whose unused bytes go in the end."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from cm3d.geometry.arrays import NDArrayBool, NDArrayByte, NDArrayInt
from cm3d.tables.protobuf import FIXED32, FIXED64, LENGTH, LONGEST_VARINT, VARINT


@dataclass(frozen=True, eq=False)
class Encoded:
    """Bytes of N messages or parts of them.

    Args:
        matrix: (N, W) bytes.
        is_used: (N, W) which of them count.
    """

    matrix: NDArrayByte
    is_used: NDArrayBool

    @classmethod
    def join(cls, *parts: Self) -> Self:
        """Put parts of the same messages one behind the other."""
        return cls(
            np.concatenate([part.matrix for part in parts], axis=1),
            np.concatenate([part.is_used for part in parts], axis=1),
        )

    def only(self, rows: NDArrayBool) -> "Encoded":
        """The same, but nothing of the rows (N,) that are not chosen."""
        return Encoded(self.matrix, self.is_used & rows[:, None])

    def tobytes(self) -> bytes:
        """All rows, one behind the other."""
        return self.matrix[self.is_used].tobytes()


def varint_field(number: int, values: NDArrayInt) -> Encoded:
    """A field of integers (N,), an enumeration or a truth value."""
    return Encoded.join(_tag(number, VARINT, len(values)), _varint_rows(values))


def word_field(number: int, values: Any) -> Encoded:
    """A field of (N,) doubles or floats, by their type."""
    words = np.ascontiguousarray(values.astype(values.dtype.newbyteorder("<")))
    matrix = words.view(np.uint8).reshape(len(words), words.dtype.itemsize)
    stored = FIXED64 if words.dtype.itemsize == 8 else FIXED32
    return Encoded.join(_tag(number, stored, len(words)), _all_used(matrix))


def text_field(number: int, values: np.ndarray[Any, np.dtype[np.object_]]) -> Encoded:
    """A field of texts (N,)."""
    encoded = [text.encode() for text in values]
    width = max(map(len, encoded), default=0)
    padded = b"".join(text.ljust(width, b"\0") for text in encoded)
    matrix = np.frombuffer(padded, dtype=np.uint8).reshape(len(encoded), width)
    sizes = np.fromiter(map(len, encoded), dtype=np.int64, count=len(encoded))
    return message_field(number, Encoded(matrix, np.arange(width) < sizes[:, None]))


def message_field(number: int, content: Encoded) -> Encoded:
    """A field of messages, or of other bytes."""
    size = _varint_rows(content.is_used.sum(axis=1))
    return Encoded.join(_tag(number, LENGTH, len(content.matrix)), size, content)


def _tag(number: int, stored: int, count: int) -> Encoded:
    return _varint_rows(np.full(count, number << 3 | stored))


def _varint_rows(values: NDArrayInt) -> Encoded:
    left = values.astype(np.int64).view(np.uint64)[:, None]
    parts = left >> (7 * np.arange(LONGEST_VARINT)).astype(np.uint64)
    goes_on = parts > 0x7F
    matrix = (parts & np.uint64(0x7F)).astype(np.uint8) | np.where(goes_on, 0x80, 0).astype(
        np.uint8
    )
    is_used = (parts > 0) | (np.arange(LONGEST_VARINT) == 0)
    width = int(is_used.sum(axis=1).max(initial=1))
    return Encoded(matrix[:, :width], is_used[:, :width])


def _all_used(matrix: NDArrayByte) -> Encoded:
    return Encoded(matrix, np.ones(matrix.shape, dtype=bool))
