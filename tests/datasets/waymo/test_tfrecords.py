from pathlib import Path

import pytest

from cm3d.datasets.waymo.tfrecords import crc32c, first_record
from tests.waymo_v1 import record


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", 0),
        # as RFC 3720 has them
        (b"123456789", 0xE3069283),
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
    ],
)
def test_known_checksums(content: bytes, expected: int) -> None:
    assert crc32c(content) == expected


@pytest.mark.parametrize("size", [1023, 1024, 1025, 5000])
def test_bit_by_bit(size: int) -> None:
    content = bytes(nth * nth % 251 for nth in range(size))
    state = 0xFFFFFFFF
    for byte in content:
        state ^= byte
        for _ in range(8):
            state = state >> 1 ^ (0x82F63B78 if state & 1 else 0)
    assert crc32c(content) == state ^ 0xFFFFFFFF


def test_only_the_first_record_is_read(tmp_path: Path) -> None:
    """Its length is 3; both checksums were computed bit by bit, turned and shifted."""
    path = tmp_path / "one.tfrecord"
    of_length, of_content = bytes.fromhex("b099490e"), bytes.fromhex("6e57f121")
    content = b"\x03" + bytes(7) + of_length + b"abc" + of_content
    path.write_bytes(content + b"what follows is not looked at")
    assert record(b"abc") == content
    assert first_record(path) == b"abc"
