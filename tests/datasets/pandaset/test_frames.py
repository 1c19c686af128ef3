"""Pickled data frames, read without unpickling."""

import gzip
import os
import pickle
import pickletools
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cm3d.datasets.pandaset.arrays import array_of
from cm3d.datasets.pandaset.frames import read_frame
from cm3d.datasets.pandaset.pickles import Made
from cm3d.errors import InputError
from tests.datasets.pandaset.native import POINTS, boxes_at, write_frame, write_pickle
from tests.trust.refusal import NO_FILES, Make, refuses

CUBOIDS = pd.DataFrame(boxes_at(0))
FRAMES = {
    "points": POINTS,
    "cuboids": CUBOIDS,
    "no row": CUBOIDS.iloc[:0],
    "some rows and columns": CUBOIDS.iloc[1:3][["yaw", "uuid", "camera_used", "label"]],
    "one array": pd.DataFrame(np.arange(12.0).reshape(4, 3), columns=list("xyz")),
    "all kinds": pd.DataFrame(
        {
            "small": np.arange(3, dtype=np.int8),
            "single": np.array([0.5, np.inf, np.nan], np.float32),
            "unsigned": np.array([0, 1, 2**64 - 1], np.uint64),
            "flag": [True, False, True],
            "big end": np.array([1, 2, 3], dtype=">i4"),
            "cells": np.array(["a", None, np.float64(2.5)], dtype=object),
            "accents": ["é", "日本", ""],
        }
    ),
}


def same(found: Any, expected: Any) -> bool:
    """Whether two cells are equal, missing ones among them."""
    return bool(found == expected or (pd.isna(found) and pd.isna(expected)))


def check(path: Path, frame: pd.DataFrame) -> None:
    found = read_frame(path)
    assert len(found) == len(frame)
    assert list(found.columns) == list(frame.columns)
    for name, column in frame.items():
        values, expected = found.columns[str(name)], column.to_numpy()
        if expected.dtype != object:
            assert values.dtype == expected.dtype
            np.testing.assert_array_equal(values, expected)
        assert all(map(same, values.tolist(), expected.tolist()))


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("name", FRAMES)
def test_frames_of_this_pandas(name: str, protocol: int, tmp_path: Path) -> None:
    path = tmp_path / "00.pkl.gz"
    write_pickle(path, pickle.dumps(FRAMES[name], protocol))  # texts in columns of Arrow
    check(path, FRAMES[name])
    write_frame(path, FRAMES[name], protocol)
    check(path, FRAMES[name])


def blocks_of(frame: pd.DataFrame) -> list[tuple[Any, Any]]:
    """Values and place of each: numbers in one, every other column by itself."""
    numbers = [i for i, kind in enumerate(frame.dtypes) if kind == np.float64]
    others = [i for i in range(len(frame.columns)) if i not in numbers]
    return [
        (frame.iloc[:, numbers].to_numpy().T, np.array(numbers)),
        *((frame.iloc[:, i].to_numpy()[None], slice(i, i + 1, 1)) for i in others),
    ]


def axes_of(frame: pd.DataFrame) -> list[Any]:
    return [Index(np.array(list(frame.columns), dtype=object)), pd.RangeIndex(len(frame))]


class BlockManager:
    """Stands for that of pandas before 1.3."""

    def __init__(self, frame: pd.DataFrame) -> None:
        blocks = [{"values": values, "mgr_locs": place} for values, place in blocks_of(frame)]
        axes, values = axes_of(frame), [block["values"] for block in blocks]
        self.state = (axes, values, values, {"0.14.1": {"axes": axes, "blocks": blocks}})

    def __getstate__(self) -> Any:
        return self.state


class Block:
    """Stands for that of pandas 1.3."""

    def __init__(self, values: Any, place: Any) -> None:
        self.args = values, place

    def __reduce__(self) -> Any:
        return partial(new_block, ndim=2), self.args


class BlockManager13:
    """Stands for that of pandas 1.3."""

    def __init__(self, frame: pd.DataFrame) -> None:
        blocks = tuple(Block(values, place) for values, place in blocks_of(frame))
        self.args = blocks, axes_of(frame)

    def __reduce__(self) -> Any:
        return BlockManager, self.args


def new_block(values: Any, place: Any, ndim: int) -> None:
    """Stands for pandas'."""


def _new_Index(of: type, data: Any) -> Any:
    """Stands for pandas'."""


class Index:
    """Stands for pandas'."""

    def __init__(self, names: Any) -> None:
        self.names = names

    def __reduce__(self) -> Any:
        return _new_Index, (Index, {"data": self.names, "name": None})


class DataFrame:
    """Stands for pandas'."""

    def __init__(self, state: dict[str, Any]) -> None:
        self.state = state

    def __getstate__(self) -> Any:
        return self.state | {"_typ": "dataframe", "_metadata": []}


OLD: dict[str, Callable[[pd.DataFrame], DataFrame]] = {
    "before 1.1": lambda frame: DataFrame({"_data": BlockManager(frame)}),
    "before 1.3": lambda frame: DataFrame({"_mgr": BlockManager(frame)}),
    "1.3": lambda frame: DataFrame({"_mgr": BlockManager13(frame)}),
}


@pytest.mark.parametrize("version", OLD)
@pytest.mark.parametrize("name", ["points", "cuboids", "no row"])
def test_frames_of_an_old_pandas(name: str, version: str, tmp_path: Path) -> None:
    frame, path = FRAMES[name], tmp_path / "00.pkl.gz"
    plain = frame.astype({name: object for name, kind in frame.dtypes.items() if kind == "str"})
    content = pickle.dumps(OLD[version](plain), 2)
    # in protocol 2 a name stands between line ends: those of this file become pandas'
    for word, module in (
        ("DataFrame", "pandas.core.frame"),
        ("BlockManager", "pandas.core.internals.managers"),
        ("new_block", "pandas.core.internals.blocks"),
        ("_new_Index", "pandas.core.indexes.base"),
        ("Index", "pandas.core.indexes.base"),
    ):
        own = f"c{__name__}\n{word}\n".encode()
        content = content.replace(own, f"c{module}\n{word}\n".encode())
    assert __name__.encode() not in content
    write_pickle(path, content)
    check(path, frame)


class Hostile:
    """Calls something when it is unpickled."""

    def __init__(self, function: Callable[..., Any], *args: Any) -> None:
        self.call = function, args

    def __reduce__(self) -> Any:
        return self.call


def with_cell(cell: Any) -> pd.DataFrame:
    return pd.DataFrame({"uuid": np.array(["a", cell], dtype=object)})


@pytest.mark.parametrize("protocol", [2, 4, 5])
@pytest.mark.parametrize("wrapped", [lambda thing: thing, lambda thing: [thing], with_cell])
def test_nothing_is_run(
    wrapped: Callable[[Any], Any], protocol: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark, path = tmp_path / "ran", tmp_path / "00.pkl.gz"
    for function, words, name in (
        (os.system, (f"touch {mark}",), "posix.system"),
        (eval, (f"open({str(mark)!r}, 'w')",), "eval"),
        (os.mkdir, (str(mark),), "posix.mkdir"),
        (partial(os.mkdir, str(mark)), (), "posix.mkdir"),
        (getattr, ("", "join"), "getattr"),
        (np.load, (str(path), None, True), "numpy.load"),
        (pd.read_pickle, (str(path),), "read_pickle"),
    ):
        write_pickle(path, pickle.dumps(wrapped(Hostile(function, *words)), protocol))
        refuses(lambda: read_frame(path), str(path), name, "nothing of it was run", "fetch")
        assert not mark.exists()


def pickled(*opcodes: bytes) -> bytes:
    return b"\x80\x04" + b"".join(opcodes) + b"."


DATA_FRAME = b"cpandas\nDataFrame\n"
# What is broken by hand, and a word of the message.
BROKEN = {
    "no pickle": (b"uuid,label\n", "no table of PandaSet"),
    "empty": (b"", "no table of PandaSet"),
    "plain value": (pickle.dumps(["x", "y"]), "no data frame"),
    "a series": (pickle.dumps(pd.Series([1.0])), "Series"),
    "an array": (pickle.dumps(np.zeros(3)), "no data frame"),
    "cut short": (pickle.dumps(POINTS)[:-9], "no table"),
    "names of two levels": (pickle.dumps(pd.concat({"a": POINTS}, axis=1)), "MultiIndex"),
    "names that are numbers": (pickle.dumps(pd.DataFrame(np.zeros((2, 2)))), "no names"),
    "times": (pickle.dumps(pd.DataFrame({"t": pd.to_datetime(["2020"])})), "names"),
    "categories": (pickle.dumps(pd.DataFrame({"c": pd.Categorical(["x"])})), "names"),
    "cells that are lists": (pickle.dumps(with_cell(["x"])), "a cell holds a list"),
    "persistent id": (b"\x80\x04Pid\n.", "PERSID"),
    "extension": (b"\x80\x04\x82\x01.", "EXT1"),
    "instance": (pickled(b"(", b"ios\nsystem\n"), "INST"),
    "keyword call": (pickled(DATA_FRAME, b")}\x92"), "NEWOBJ_EX"),
    "class called with a list": (pickled(DATA_FRAME, b"]R"), "no function"),
    "call of a value": (pickled(b"N)R"), "no function"),
    "state of a value": (pickled(b"]]b"), "state of a plain value"),
    "nothing to take": (pickled(b"\x85"), "where there is none"),
    "unknown number": (pickled(b"h\x07"), "no table"),
    "no mark": (pickled(b"Nt"), "no table"),
    "two values": (pickled(b"NN"), "unfinished"),
    "key that is no text": (pickled(b"}K\x01Ns"), "keys are no texts"),
    "key without value": (pickled(b"}(\x8c\x01au"), "no table"),
    "frame without state": (pickled(DATA_FRAME, b")R"), "no data frame"),
    "far memo": (pickled(b"Nr\xff\xff\xff\xff", b"j\xff\xff\xff\xff", b"\x86"), "no data frame"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_other_content_is_one_line(name: str, tmp_path: Path) -> None:
    content, word = BROKEN[name]
    path = tmp_path / "00.pkl.gz"
    write_pickle(path, content)
    refuses(lambda: read_frame(path), str(path), word, "fetch the file again")


def replaced(old: bytes, new: bytes) -> bytes:
    content = pickle.dumps(pd.DataFrame({"x": [1.0, 2.0], "y": [3.0, 4.0]}, dtype=float), 2)
    assert old in content
    return content.replace(old, new, 1)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"K\x02K\x02\x86", b"K\x02K\x03\x86"),  # a shape of more values
        (b"K\x02K\x02\x86", b"K\x02J\xff\xff\xff\xff\x86"),  # of -1
        (b"\x02\x00\x00\x00f8", b"\x02\x00\x00\x00V8"),  # raw memory
        (b"\x02\x00\x00\x00f8", b"\x03\x00\x00\x00f16"),
        (b"latin1", b"utf-16"),
        (b"K\x00K\x02K\x01\x87", b"K\x00K\x01K\x01\x87"),  # a place of fewer columns
        (b"K\x00K\x02K\x01\x87", b"K\x00K\x02K\x00\x87"),
    ],
)
def test_blocks_that_do_not_agree(old: bytes, new: bytes, tmp_path: Path) -> None:
    path = tmp_path / "00.pkl.gz"
    write_pickle(path, replaced(old, new))
    refuses(lambda: read_frame(path), str(path), "no table of PandaSet")


def test_every_instruction_of_the_pickles_is_known(tmp_path: Path) -> None:
    """None that pickle itself writes for tables is missing, whatever their size."""
    long = pd.DataFrame({"uuid": ["x" * 300] * 300, "n": np.arange(300) * 10**9})
    path = tmp_path / "00.pkl.gz"
    for protocol in (2, 3, 4, 5):
        content = pickletools.optimize(pickle.dumps(long, protocol))
        write_pickle(path, content)
        check(path, long)


def test_damaged_pickles_are_one_line_or_read(tmp_path: Path) -> None:
    rng, path = np.random.default_rng(0), tmp_path / "00.pkl.gz"
    instructions = np.frombuffer(b"()]}Rbtuaes.0N\x81\x85\x86\x87\x93\x94", np.uint8)
    refused = 0
    for number in range(400):
        content = np.frombuffer(pickle.dumps(CUBOIDS, 2 + number % 4), np.uint8).copy()
        places = rng.integers(len(content), size=2)
        content[places] = rng.choice(instructions, size=2)
        write_pickle(path, content.tobytes())
        try:
            read_frame(path)
        except InputError as error:
            assert "\n" not in str(error)
            refused += 1
    assert refused > 100


@pytest.mark.parametrize("name", NO_FILES)
def test_what_is_no_file(name: str, tmp_path: Path) -> None:
    make: Make = NO_FILES[name]
    path = tmp_path / "00.pkl.gz"
    make(path)
    refuses(lambda: read_frame(path), str(path), "fetch the file again")


def test_damaged_compression(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "00.pkl.gz"
    whole = gzip.compress(pickle.dumps(POINTS), mtime=0)
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 0xFF
    for content in (b"", b"x", whole[: len(whole) // 2], whole[:-4], bytes(flipped)):
        path.write_bytes(content)
        refuses(lambda: read_frame(path), str(path), "fetch the file again")
    monkeypatch.setattr("cm3d.datasets.pandaset.frames._MOST_BYTES", 1000)
    path.write_bytes(gzip.compress(bytes(1001)))
    refuses(lambda: read_frame(path), str(path), "over 1000 bytes unpacked")


def test_columns_are_checked(tmp_path: Path) -> None:
    path = tmp_path / "00.pkl.gz"
    write_frame(path, POINTS.assign(y=[0.0, np.nan, 1.0, np.inf]))
    frame = read_frame(path)
    refuses(lambda: frame.floats("x", "y"), str(path), "row 1: y is nan, not a finite number")
    refuses(lambda: frame.floats("ring"), str(path), "no column ring", "x, y, z, i, t, d")
    write_frame(path, CUBOIDS.assign(label=["Car", None, "", "a\nb"]))
    frame = read_frame(path)
    refuses(lambda: frame.texts("label"), str(path), "row 1: label is ", "printable text")
    refuses(lambda: frame.floats("uuid"), str(path), "column uuid has no numbers")
    assert frame.texts("uuid").tolist() == ["gt", "p64", "walker", "sign"]
    assert frame.texts_or_empty("attributes.object_motion").tolist() == ["Moving"] * 2 + [""] * 2
    assert frame.texts_or_empty("absent").tolist() == [""] * 4


def test_a_number_of_thousands_of_digits_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "00.pkl.gz"
    write_frame(path, CUBOIDS.assign(label=["Car", 10**5000, "Car", "Car"]))
    refuses(lambda: read_frame(path).texts("label"), str(path), "row 1: label is a number of thou")


def test_bytes_within_bytes_are_bytes_however_deep() -> None:
    data: Any = np.array([1.5]).tobytes()
    for _ in range(5000):
        data = Made("bytes", (data,))
    dtype = Made("dtype", ("f8", 0, 1), (3, "<", None, None, None, -1, -1, 0))
    assert array_of(Made("frombuffer", (data, dtype, (1,), "C"))).tolist() == [1.5]


@pytest.mark.parametrize("places", [[0, 6, 0, 6], [0, 3, 2], [-1, 3], [0, 7]])
def test_places_of_texts_go_on_within_the_text(places: list[int]) -> None:
    def texts(bounds: list[int]) -> list[str]:
        buffers = [None, np.array([*bounds, 0], dtype="<i4").tobytes(), b"abcdef"]
        held = Made(
            "arrow array", ((Made("arrow type", ("string",)), len(bounds) - 1, 0, 0, buffers),)
        )
        return array_of(Made("arrow strings", (), {"_pa_array": held})).tolist()

    assert texts([0, 3, 3, 6]) == ["abc", "", "def"]
    with pytest.raises(ValueError, match="places that are none"):
        texts(places)
