"""Messages from bytes: all are gone through in step, one field of each at a time.

So no loop runs over messages, but for the one that finds where they begin.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from cm3d.geometry.arrays import NDArrayBool, NDArrayByte, NDArrayInt
from cm3d.tables.protobuf import FIXED32, FIXED64, LENGTH, LONGEST_VARINT, VARINT

_WORD: Final = {FIXED64: 8, FIXED32: 4}


class WireError(ValueError):
    """Bytes that are no message.

    Args:
        row: Of the message.
        reason: What is wrong with it.
    """

    def __init__(self, row: int, reason: str) -> None:
        """Keep both."""
        super().__init__(reason)
        self.row, self.reason = row, reason


@dataclass(frozen=True, eq=False)
class Field:
    """One field of N messages; of one that stands there twice, the last counts.

    Args:
        is_there: (N,) whether a message has it.
        bits: (N,) its number as 64 bits, unsigned; 0 of bytes.
        start: (N,) where its bytes begin.
        stop: (N,) where they end.
    """

    is_there: NDArrayBool
    bits: np.ndarray[Any, np.dtype[np.uint64]]
    start: NDArrayInt
    stop: NDArrayInt

    def integers(self, default: int = 0) -> NDArrayInt:
        """Values (N,) of integers and enumerations; negative ones are two's complements."""
        return np.where(self.is_there, self.bits.view(np.int64), default)

    def doubles(self, default: float = 0.0) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Values (N,) of type double."""
        return np.where(self.is_there, self.bits.view(np.float64), default)

    def floats(self, default: float = 0.0) -> np.ndarray[Any, np.dtype[np.float32]]:
        """Values (N,) of type float."""
        found = self.bits.astype(np.uint32).view(np.float32)
        return np.where(self.is_there, found, np.float32(default))


def repeated(data: NDArrayByte, number: int) -> tuple[NDArrayInt, NDArrayInt]:
    """Where the messages (N,) of a repeated field of one message begin and end, in order.

    Raises:
        WireError: The bytes are cut off or are no message; the row counts the fields so far.
    """
    content, starts, stops, position, fields = data.tobytes(), [], [], 0, 0
    while position < len(content):
        tag, position = _one_varint(content, position, fields)
        stored = tag & 7
        if stored == VARINT:
            _, position = _one_varint(content, position, fields)
        else:
            if stored == LENGTH:
                size, position = _one_varint(content, position, fields)
            elif stored in _WORD:
                size = _WORD[stored]
            else:
                raise WireError(fields, f"a field is stored in way {stored}, which there is not")
            position += size
        if tag >> 3 == number:
            if stored != LENGTH:
                raise WireError(fields, f"field {number} is no message")
            starts.append(position - size)
            stops.append(position)
        elif tag >> 3 == 0:
            raise WireError(fields, "a field has the number 0")
        if position > len(content):
            raise WireError(fields, "it is cut off")
        fields += 1
    return np.array(starts, dtype=np.int64), np.array(stops, dtype=np.int64)


def _one_varint(content: bytes, position: int, row: int) -> tuple[int, int]:
    value = 0
    for nth in range(LONGEST_VARINT):
        if position + nth >= len(content):
            raise WireError(row, "it is cut off")
        byte = content[position + nth]
        value |= (byte & 0x7F) << (7 * nth)
        if byte < 0x80:
            return value & (1 << 64) - 1, position + nth + 1
    raise WireError(row, "a number has more than ten bytes")


def messages(
    data: NDArrayByte, start: NDArrayInt, stop: NDArrayInt, wanted: Mapping[int, int]
) -> dict[int, Field]:
    """Read N messages that lie anywhere in some bytes.

    Args:
        data: The bytes.
        start: (N,) where each message begins.
        stop: (N,) where it ends.
        wanted: How each field that is wanted is stored, by its number; others are passed over.

    Raises:
        WireError: A message is cut off, or is none; or a field is stored in another way.
    """
    count = len(start)
    fields = {
        number: Field(
            np.zeros(count, dtype=bool), np.zeros(count, dtype=np.uint64), *_two_zeros(count)
        )
        for number in wanted
    }
    position, rows = start.copy(), np.flatnonzero(start < stop)
    while len(rows):
        limit = stop[rows]
        tag, after = _varints(data, position[rows], limit, rows)
        number, stored = (tag >> np.uint64(3)).astype(np.int64), (tag & np.uint64(7)).astype(int)
        _refuse(rows, number == 0, "a field has the number 0")
        known = np.isin(stored, (VARINT, FIXED64, LENGTH, FIXED32))
        _refuse(rows, ~known, "a field is stored in a way that there is not")
        begin, end, bits = after.copy(), after.copy(), np.zeros(len(rows), dtype=np.uint64)
        mine = np.flatnonzero((stored == VARINT) | (stored == LENGTH))
        bits[mine], end[mine] = _varints(data, after[mine], limit[mine], rows[mine])
        sized = stored == LENGTH
        begin[sized] = end[sized]
        _refuse(rows, sized & (bits > (limit - end).astype(np.uint64)), "it is cut off")
        end[sized] += bits[sized].astype(np.int64)
        bits[sized] = 0
        for way, size in _WORD.items():
            mine = np.flatnonzero(stored == way)
            end[mine] += size
            _refuse(rows[mine], end[mine] > limit[mine], "it is cut off")
            bits[mine] = _words(data, begin[mine], size)
        for name, way in wanted.items():
            mine = np.flatnonzero(number == name)
            _refuse(rows[mine], stored[mine] != way, f"field {name} is stored in another way")
            field, to = fields[name], rows[mine]
            field.is_there[to], field.bits[to] = True, bits[mine]
            field.start[to], field.stop[to] = begin[mine], end[mine]
        position[rows] = end
        rows = rows[end < limit]
    return fields


def texts(data: NDArrayByte, field: Field) -> np.ndarray[Any, np.dtype[np.object_]]:
    """Values (N,) of a field of texts; empty where it is not there. Equal ones are decoded once.

    Raises:
        WireError: One is not UTF-8.
    """
    found = np.full(len(field.start), "", dtype=object)
    length = field.stop - field.start
    for size in np.unique(length[length > 0]):
        rows = np.flatnonzero(length == size)
        letters = data[field.start[rows, None] + np.arange(size)]
        whole = np.ascontiguousarray(letters).view(f"V{size}")[:, 0]
        different, first, index = np.unique(whole, return_index=True, return_inverse=True)
        words = np.empty(len(different), dtype=object)
        for row, word in enumerate(different):
            try:
                words[row] = word.tobytes().decode()
            except UnicodeDecodeError as error:
                raise WireError(int(rows[first[row]]), "a text is not UTF-8") from error
        found[rows] = words[index]
    return found


def _varints(
    data: NDArrayByte, position: NDArrayInt, limit: NDArrayInt, rows: NDArrayInt
) -> tuple[np.ndarray[Any, np.dtype[np.uint64]], NDArrayInt]:
    """Numbers (K,) that begin at some positions, and where they end."""
    value, end = np.zeros(len(position), dtype=np.uint64), position.copy()
    going = np.arange(len(position))
    for nth in range(LONGEST_VARINT):
        _refuse(rows[going], end[going] >= limit[going], "it is cut off")
        byte = data[end[going]]
        value[going] |= (byte & 0x7F).astype(np.uint64) << np.uint64(7 * nth)
        end[going] += 1
        going = going[byte >= 0x80]
        if not len(going):
            return value, end
    raise WireError(int(rows[going[0]]), "a number has more than ten bytes")


def _words(data: NDArrayByte, begin: NDArrayInt, size: int) -> np.ndarray[Any, np.dtype[np.uint64]]:
    letters = np.zeros((len(begin), 8), dtype=np.uint8)
    letters[:, :size] = data[begin[:, None] + np.arange(size)]
    return letters.view("<u8")[:, 0].astype(np.uint64)


def _refuse(rows: NDArrayInt, are_wrong: NDArrayBool, reason: str) -> None:
    if are_wrong.any():
        raise WireError(int(rows[np.argmax(are_wrong)]), reason)


def _two_zeros(count: int) -> tuple[NDArrayInt, NDArrayInt]:
    return np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
