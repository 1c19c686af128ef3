"""Messages written by hand, and what a writer and a reader make of each other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cm3d.tables.protobuf import FIXED32, FIXED64, LENGTH, VARINT
from cm3d.tables.protobuf.reading import Field, WireError, messages, repeated, texts
from cm3d.tables.protobuf.writing import (
    Encoded,
    message_field,
    text_field,
    varint_field,
    word_field,
)

KINDS = {1: VARINT, 2: FIXED64, 3: LENGTH, 4: FIXED32}


def read(*parts: bytes) -> dict[int, Field]:
    """Fields 1 to 4, of the four kinds, of messages one behind the other."""
    data = np.frombuffer(b"".join(parts), dtype=np.uint8)
    stop = np.cumsum([len(part) for part in parts])
    return messages(data, stop - [len(part) for part in parts], stop, KINDS)


def test_a_message_by_hand() -> None:
    """150 is 0x96 0x01; -2 has ten bytes."""
    first = bytes.fromhex("08 96 01  11 000000000000 f83f  1a 02 68 69  25 0000 803e")
    second = bytes.fromhex("08 fe ff ff ff ff ff ff ff ff 01")
    fields = read(first, second)
    assert fields[1].integers().tolist() == [150, -2]
    assert fields[2].doubles(7).tolist() == [1.5, 7]
    assert fields[4].floats(3).tolist() == [0.25, 3]
    assert fields[3].is_there.tolist() == [True, False]
    assert texts(np.frombuffer(first + second, dtype=np.uint8), fields[3]).tolist() == ["hi", ""]


def test_unknown_fields_are_passed_over_and_the_last_of_two_counts() -> None:
    unknown = bytes.fromhex("28 05  31 0011223344556677  3a 01 ff  45 00112233  c2 3e 00")
    fields = read(unknown + bytes.fromhex("08 01 08 02") + unknown, b"")
    assert fields[1].integers(9).tolist() == [2, 9]


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("08", "cut off"),
        ("08 80", "cut off"),
        ("11 00 00", "cut off"),
        ("25 00 00 00", "cut off"),
        ("1a 03 68 69", "cut off"),
        ("1a ff ff ff ff ff ff ff ff ff 01", "cut off"),
        ("08 80 80 80 80 80 80 80 80 80 80 01", "more than ten bytes"),
        ("00 01", "the number 0"),
        ("0b", "a way that there is not"),
        ("0e", "a way that there is not"),
        ("0d 00 00 00 00", "field 1 is stored in another way"),
        ("10 01", "field 2 is stored in another way"),
    ],
)
def test_what_is_no_message_is_named_by_row(message: str, words: str) -> None:
    with pytest.raises(WireError, match=words) as caught:
        read(b"\x08\x01", bytes.fromhex(message), b"\x08\x01")
    assert caught.value.row == 1


def test_a_text_must_be_utf8() -> None:
    data = np.frombuffer(b"\x1a\x01\xff", dtype=np.uint8)
    with pytest.raises(WireError, match="UTF-8"):
        texts(data, messages(data, np.array([0]), np.array([3]), KINDS)[3])


def test_messages_of_a_repeated_field() -> None:
    data = np.frombuffer(bytes.fromhex("0a 01 05  10 07  0a 00  12 01 09  0a 02 06 07"), np.uint8)
    start, stop = repeated(data, 1)
    assert [data[a:b].tolist() for a, b in zip(start, stop, strict=True)] == [[5], [], [6, 7]]
    assert len(repeated(data[:0], 1)[0]) == 0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("0a 05 01", "cut off"),
        ("0a", "cut off"),
        ("0a 80", "cut off"),
        ("08 01", "field 1 is no message"),
        ("02 00", "the number 0"),
        ("0b", "way 3"),
        ("10 ff ff ff ff ff ff ff ff ff ff 01", "more than ten bytes"),
    ],
)
def test_what_is_no_repeated_field_is_named(content: str, words: str) -> None:
    with pytest.raises(WireError, match=words) as caught:
        repeated(np.frombuffer(bytes.fromhex("0a 00" + content), dtype=np.uint8), 1)
    assert caught.value.row == 1


def test_a_message_is_written_by_hand() -> None:
    written = Encoded.join(
        varint_field(1, np.array([150, -2])),
        word_field(2, np.array([1.5, 0.0])).only(np.array([True, False])),
        text_field(3, np.array(["hi", ""], dtype=object)),
        word_field(16, np.array([0.25, 0.25], dtype=np.float32)),
    )
    expected = "08 96 01  11 000000000000 f83f  1a 02 68 69  85 01 0000 803e"
    expected += "08 fe ff ff ff ff ff ff ff ff 01  1a 00  85 01 0000 803e"
    assert written.tobytes() == bytes.fromhex(expected)


@given(
    st.lists(
        st.tuples(
            st.integers(-(2**63), 2**63 - 1),
            st.floats(allow_nan=False),
            st.text(max_size=200),
            st.floats(width=32, allow_nan=False),
        ),
        max_size=6,
    )
)
def test_what_is_written_is_read(rows: list[tuple[int, float, str, float]]) -> None:
    numbers = np.array([row[0] for row in rows], dtype=np.int64)
    doubles = np.array([row[1] for row in rows], dtype=np.float64)
    words = np.array([row[2] for row in rows], dtype=object)
    floats = np.array([row[3] for row in rows], dtype=np.float32)
    fields = (varint_field(1, numbers), word_field(2, doubles), text_field(3, words))
    content = message_field(9, Encoded.join(*fields, word_field(4, floats))).tobytes()
    data = np.frombuffer(content, dtype=np.uint8)
    found = messages(data, *repeated(data, 9), KINDS)
    assert found[1].integers().tolist() == numbers.tolist()
    assert found[2].doubles().tolist() == doubles.tolist()
    assert found[4].floats().tolist() == floats.tolist()
    assert texts(data, found[3]).tolist() == words.tolist()
