"""Labels that another program made, and made badly: each refusal names file, box and field."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cm3d.fuse.imported import read_labels
from cm3d.tables import Boxes3D, Frames
from cm3d.taxonomy import Taxonomy
from tests.trust.refusal import content_of, refuses

NAN, INF, HUGE = float("nan"), float("inf"), int("9" * 400)
FRAMES = Frames(
    ["f", "g"], ["scene"] * 2, [0, 500_000], ["train"] * 2, [""] * 2, [[1] + [0] * 6] * 2
)
BOX = {
    "sample_token": "f",
    "translation": [100.0, 200.0, 1.0],
    "size": [1.8, 4.5, 1.5],
    "rotation": [1.0, 0.0, 0.0, 0.0],
    "velocity": [0.0, 3.0],
    "detection_name": "car",
    "detection_score": 0.75,
    "attribute_name": "",
}
UP = float(np.sqrt(0.5))


def write(folder: Path, content: object) -> Path:
    path = folder / "theirs.json"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(json.dumps(content))
    return path


# a field, values of it, what the message says beside the file
FIELDS: list[tuple[str, list[object], str]] = [
    ("translation", [[NAN, 0, 0], [0, INF, 0], [1e12, 0, 0], [None, 0, 0]], "box of f: its centre"),
    ("translation", [[0, 0], None, "here", ["1", "2", "3"], [HUGE, 0, 0]], "translation is not 3"),
    ("size", [[0, 4, 1], [-1.8, 4.5, 1.5], [NAN, 4, 1], [1, 1e6, 1]], "box of f: its size"),
    ("size", [[1, INF, 1], [None, 4, 1], [1e-9, 4, 1]], "box of f: its size"),
    ("size", [[1, 2], None, "large", ["1.8", "4.5", "1.5"], [HUGE, 1, 1]], "size is not 3 numbers"),
    ("rotation", [[0, 0, 0, 0], [NAN] * 4, [INF, 0, 0, 0], [1e9, 0, 0, 0]], "f: its heading is no"),
    ("rotation", [[UP, 0, UP, 0], [UP, 0, -UP, 0]], "looks up or down"),
    ("rotation", [[1, 0, 0], None, ["1", "0", "0", "0"], {"w": 1}], "rotation is not 4 numbers"),
    ("velocity", [[INF, 0], [1e6, 0]], "box of f: its velocity"),
    ("velocity", [[0], [0, 0, 0], "fast", ["1", "2"]], "velocity is not 2 numbers"),
    ("detection_score", [1.5, -0.1, NAN, None, INF], "box of f: its score"),
    ("detection_score", ["0.5", [0.5, 0.5], HUGE], "detection_score is not a number"),
    ("detection_name", [None, 3, ["car"]], "detection_name is no text"),
    ("attribute_name", [None, 3], "attribute_name is no text"),
]
VALUES = [(name, value, says) for name, values, says in FIELDS for value in values]


@pytest.mark.parametrize(
    ("name", "value", "says"), VALUES, ids=[f"{name}-{value}"[:40] for name, value, _ in VALUES]
)
def test_values(name: str, value: object, says: str, tmp_path: Path, taxonomy: Taxonomy) -> None:
    path = write(
        tmp_path, {"results": {"g": [{**BOX, "sample_token": "g"}], "f": [{**BOX, name: value}]}}
    )
    before = content_of(tmp_path)
    refuses(lambda: read_labels(path, FRAMES, taxonomy), str(path), says, "write it again")
    assert content_of(tmp_path) == before


def one(**fields: object) -> dict[str, object]:
    return {"results": {"f": [{**BOX, **fields}]}}


FILES: list[tuple[str, object, str]] = [
    (
        "a keyframe of another data set",
        {"results": {"x": [{**BOX, "sample_token": "x"}]}},
        "none of",
    ),
    ("no keyframe of the data set", {"results": {"x": []}}, "no keyframe of the data set"),
    ("classes of another data set", one(detection_name="tram"), "none of its 1 boxes"),
    ("a box twice", {"results": {"f": [BOX, BOX]}}, "repeats another's"),
    ("no results", {"boxes": {}}, "no `results`"),
    ("results as a list", {"results": [BOX]}, "no `results`"),
    ("a list", [BOX], "no nuScenes result file"),
    ("a box of a keyframe", {"results": {"f": BOX}}, "sample f has no list of boxes"),
    ("numbers for boxes", {"results": {"f": [7]}}, "a box of f has no translation"),
    ("empty", b"", "not valid JSON"),
    ("cut", b'{"results": {"f": [', "not valid JSON"),
    ("not UTF-8", b'{"results": {"\xff": []}}', "not valid JSON"),
    ("nests too deep", b"[" * 100_000, "not valid JSON"),
    *[
        (f"no {name}", {"results": {"f": [{n: v for n, v in BOX.items() if n != name}]}}, name)
        for name in BOX
        if name != "sample_token"
    ],
]


@pytest.mark.parametrize(
    ("content", "says"), [row[1:] for row in FILES], ids=[row[0] for row in FILES]
)
def test_files(content: object, says: str, tmp_path: Path, taxonomy: Taxonomy) -> None:
    path = write(tmp_path, content)
    refuses(lambda: read_labels(path, FRAMES, taxonomy), str(path), says)


def column(name: str, value: object, of_type: pa.DataType) -> Callable[[pa.Table], pa.Table]:
    """Change one column of a table."""
    return lambda stored: stored.set_column(
        stored.column_names.index(name), name, pa.array([value], of_type)
    )


NUMBER, VECTOR = pa.float64(), pa.list_(pa.float64(), 3)
TABLES: list[tuple[str, Callable[[pa.Table], pa.Table], str]] = [
    ("no width", column("width_m", 0.0, NUMBER), "box of f: its size, width_m: 0.0"),
    ("a NaN length", column("length_m", NAN, NUMBER), "box of f: its size, length_m: nan"),
    ("an endless box", column("height_m", 1e6, NUMBER), "box of f: its size, height_m"),
    ("a score of two", column("score", 2.0, NUMBER), "box of f: its score: 2.0"),
    ("no yaw", column("yaw_rad", NAN, NUMBER), "box of f: its yaw_rad: nan"),
    ("on the moon", column("center_m", [4e8, 0.0, 0.0], VECTOR), "box of f: its centre"),
    ("a null", column("score", None, NUMBER), "1 boxes lack a value"),
    ("words", column("score", "sure", pa.string()), "no table of Boxes3D"),
    ("another keyframe", column("sample_token", "x", pa.string()), "none of its 1 boxes"),
    ("another class", column("class_name", "tram", pa.string()), "none of its 1 boxes"),
    ("no column", lambda stored: stored.drop_columns(["score"]), "no table of Boxes3D"),
    ("rows twice", lambda stored: pa.concat_tables([stored] * 2), "repeats another's"),
]


@pytest.mark.parametrize(
    ("change", "says"), [row[1:] for row in TABLES], ids=[row[0] for row in TABLES]
)
def test_tables(
    change: Callable[[pa.Table], pa.Table], says: str, tmp_path: Path, taxonomy: Taxonomy
) -> None:
    path = tmp_path / "theirs.parquet"
    boxes = Boxes3D(["f"], ["car"], [0.5], [[1, 2, 3]], [4], [2], [1.5], [0], [[NAN, NAN]], [""])
    boxes.write(path)
    pq.write_table(change(pq.read_table(path)), path)
    refuses(lambda: read_labels(path, FRAMES, taxonomy), str(path), says)


PASSES: list[tuple[str, dict[str, Any]]] = [
    ("whole numbers", {"translation": [1, 2, 3], "size": [2, 4, 2], "detection_score": 1}),
    ("a rotation that is not normalised", {"rotation": [2.0, 0, 0, 2.0]}),
    ("a box that leans", {"rotation": [0.99, 0.05, 0.1, 0.05]}),
    ("no velocity", {"velocity": [None, None]}),
    ("a velocity of NaN", {"velocity": [NAN, NAN]}),
    ("an unknown attribute", {"attribute_name": "flies"}),
    ("fields of other tools", {"num_pts": 7, "meta": {"by": "hand"}}),
]


@pytest.mark.parametrize("fields", [row[1] for row in PASSES], ids=[row[0] for row in PASSES])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "a byte-order mark"])
def test_passes(fields: dict[str, Any], mark: bytes, tmp_path: Path, taxonomy: Taxonomy) -> None:
    content = json.dumps(one(**fields), indent=1).replace("\n", "\r\n").encode()
    path = write(tmp_path, mark + content)
    assert len(read_labels(path, FRAMES, taxonomy).rows) == 1
