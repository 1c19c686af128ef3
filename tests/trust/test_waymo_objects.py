"""Waymo's `Objects` files that somebody broke: one line by file, object and field."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cm3d.tables.waymo_objects import decode, encode, read_objects, write_objects
from tests.tables.test_waymo_objects import FILE, LABEL, objects
from tests.trust.refusal import NO_FILES, content_of, refuses

NAN, INF = float("nan"), float("inf")


def hexed(label: str) -> bytes:
    """A file of one object with a label of some bytes."""
    size = len(bytes.fromhex(label))
    return bytes.fromhex(f"0a {size + 2:02x} 0a {size:02x} {label}")


def number(at: int, value: float) -> bytes:
    """The file by hand with another double, the one that begins at a byte."""
    return FILE[:at] + np.float64(value).tobytes() + FILE[at + 8 :]


BROKEN: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "text": (b"{'not': 'protobuf'}", ("object 0", "write it anew")),
    "a cut file": (FILE[:-1], ("object 0", "cut off")),
    "a cut second object": (FILE + FILE[:40], ("object 1", "cut off")),
    "no label": (bytes.fromhex("0a 05 15 0000803e"), ("object 0", "no box")),
    "no box": (hexed("18 02"), ("object 0", "no box")),
    "a type as text": (hexed(LABEL + "1a 01 41"), ("object 0", "field 3 is stored")),
    "an unknown type": (hexed(LABEL + "18 05"), ("object 0", "type", "5 is not")),
    "an unknown level": (hexed(LABEL + "28 03"), ("object 0", "difficulty", "3 is not")),
    "x is NaN": (number(7, NAN), ("object 0", "center_m", "nan")),
    "x is infinite": (number(7, INF), ("object 0", "center_m", "inf")),
    "x is on another planet": (number(7, 1e12), ("object 0", "center_m")),
    "a heading of NaN": (number(61, NAN), ("object 0", "yaw_rad", "nan")),
    "a negative width": (number(34, -1), ("object 0", "width_m", "-1.0 is not metres")),
    "a score of 2": (
        FILE.replace(b"\x15\x00\x00\x80\x3e", b"\x15\x00\x00\x00\x40"),
        ("object 0", "score", "2.0 is not a share"),
    ),
    "a negative time": (
        FILE[:1] + b"\x5c" + FILE[2:-1] + b"\xff" * 9 + b"\x01",
        ("timestamp_us", "-1"),
    ),
    "a drive that is no text": (FILE.replace(b"ab", b"a\xff"), ("object 0", "UTF-8")),
    "a drive of two lines": (FILE.replace(b"ab", b"a\n"), ("object 0", "context_name")),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_refused(name: str, tmp_path: Path) -> None:
    content, words = BROKEN[name]
    path = tmp_path / "objects.bin"
    path.write_bytes(content)
    refuses(lambda: read_objects(path), "objects.bin", *words)


@pytest.mark.parametrize("name", NO_FILES)
def test_what_is_no_file_is_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "objects.bin"
    NO_FILES[name](path)
    refuses(lambda: read_objects(path), "objects.bin", "write it anew")


def test_no_cut_is_read_as_something_else() -> None:
    """Wherever a file ends but between objects."""
    whole = encode(objects(2))
    sizes = {0, len(encode(objects(2)[:1]))}
    for size in sorted(set(range(len(whole))) - sizes):
        refuses(lambda size=size: decode(whole[:size]), "object")  # type: ignore[misc]


def test_random_bytes_end_in_a_line_or_in_objects() -> None:
    rng, whole = np.random.default_rng(0), np.frombuffer(encode(objects(3)), np.uint8)
    outcomes = set()
    for _ in range(300):
        broken = whole.copy()
        broken[rng.integers(0, len(whole), 3)] = rng.integers(0, 256, 3)
        outcomes.add(_outcome(lambda broken=broken: decode(broken.tobytes())))  # type: ignore[misc]
    assert outcomes == {"read", "refused"}


def _outcome(action: Callable[[], object]) -> str:
    try:
        action()
    except Exception:
        refuses(action, "object")
        return "refused"
    return "read"


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("score", [NAN], "score"),
        ("length_m", [-1.0], "length_m"),
        ("center_m", [[NAN, 0, 0]], "center_m"),
        ("type", [7], "type"),
        ("context_name", ["a\nb"], "context_name"),
    ],
)
def test_what_breaks_a_rule_is_not_written(
    column: str, value: Any, words: str, tmp_path: Path
) -> None:
    broken = objects(1, **{column: value})
    refuses(lambda: write_objects(tmp_path / "objects.bin", broken), "objects.bin", words)
    assert content_of(tmp_path) == {}
