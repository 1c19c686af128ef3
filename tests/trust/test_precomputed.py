"""Boxes and masks that users bring: what is malformed is named by file, entry and field."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pycocotools import mask as coco_mask

from cm3d.detect2d.precomputed import OUTSIDE, read_detections
from cm3d.segment.precomputed.files import read_masks
from cm3d.shelf.on_images import MALFORMED, UNKNOWN_CATEGORY, UNKNOWN_IMAGE
from cm3d.shelf.results import Results, say_unused
from cm3d.tables import Boxes2D, Masks
from cm3d.tables.table import columns_of
from cm3d.taxonomy import load_taxonomy
from tests.trust.refusal import content_of, refuses
from tests.two_images import front_and_back

PROJECT = Path(__file__).resolve().parents[2]
TAXONOMY = load_taxonomy("nuscenes", PROJECT / "taxonomies")
WIDTH_PX, HEIGHT_PX = 160, 96
CAMERAS = front_and_back(WIDTH_PX, HEIGHT_PX)
NAN, INF = float("nan"), float("inf")

Read = Callable[[Path], Results[Any]]
READERS: Final[dict[str, Read]] = {
    "boxes": partial(read_detections, taxonomy=TAXONOMY, cameras=CAMERAS),
    "masks": partial(read_masks, taxonomy=TAXONOMY, cameras=CAMERAS),
}
KEYS = {"boxes": "detect2d.precomputed.file", "masks": "segment.precomputed.file"}


def filled(left: int, right: int, width_px: int = WIDTH_PX, height_px: int = HEIGHT_PX) -> bytes:
    """A mask of some columns, as COCO compresses it."""
    pixels = np.zeros((height_px, width_px), dtype=np.uint8, order="F")
    pixels[:, left:right] = 1
    encoded: bytes = coco_mask.encode(pixels)["counts"]
    return encoded


RLE = {"size": [HEIGHT_PX, WIDTH_PX], "counts": filled(10, 40).decode()}
GOOD = {
    "image_id": "front",
    "category_id": 1,
    "bbox": [10, 20, 30.5, 40],
    "score": 0.5,
    "segmentation": RLE,
}


def without(name: str) -> dict[str, object]:
    return {field: value for field, value in GOOD.items() if field != name}


def rle(**changes: object) -> dict[str, object]:
    return GOOD | {"segmentation": RLE | changes}


def written(path: Path, entries: object) -> Path:
    path.write_text(json.dumps(entries))
    return path


# What is broken in an entry, which files have such entries, and the words of the message.
BOTH, BOXES, MASKS = ("boxes", "masks"), ("boxes",), ("masks",)
MALFORMED_ENTRIES: list[tuple[str, tuple[str, ...], object, str]] = [
    ("a number", BOTH, 3, "it is 3, expected an object"),
    ("null", BOTH, None, "it is None, expected an object"),
    ("a list", BOTH, [GOOD], "expected an object"),
    ("no image", BOTH, without("image_id"), "image_id is None, expected a text"),
    ("image is a list", BOTH, GOOD | {"image_id": ["front"]}, "image_id is ['front'], expected"),
    ("image is true", BOTH, GOOD | {"image_id": True}, "image_id is True, expected"),
    ("no category", BOTH, without("category_id"), "category_id is None, expected a whole number"),
    ("category is a name", BOTH, GOOD | {"category_id": "car"}, "category_id is 'car', expected"),
    ("category is true", BOTH, GOOD | {"category_id": True}, "category_id is True, expected"),
    ("category of 1.5", BOTH, GOOD | {"category_id": 1.5}, "category_id is 1.5, expected"),
    ("category NaN", BOTH, GOOD | {"category_id": NAN}, "category_id is nan, expected"),
    ("category infinite", BOTH, GOOD | {"category_id": INF}, "category_id is inf, expected"),
    ("no score", BOTH, without("score"), "score is None, expected a number in [0, 1]"),
    ("score NaN", BOTH, GOOD | {"score": NAN}, "score is nan, expected a number in [0, 1]"),
    ("score in percent", BOTH, GOOD | {"score": 87.5}, "score is 87.5, expected a number in [0"),
    ("score negative", BOTH, GOOD | {"score": -0.1}, "score is -0.1, expected a number in [0"),
    ("score infinite", BOTH, GOOD | {"score": INF}, "score is inf, expected"),
    ("score of 400 digits", BOTH, GOOD | {"score": 10**400}, "score is 1000"),
    ("score is text", BOTH, GOOD | {"score": "0.5"}, "score is '0.5', expected"),
    ("no box", BOXES, without("bbox"), "bbox is None, expected x, y, width and height"),
    ("box of three", BOTH, GOOD | {"bbox": [1, 2, 3]}, "bbox is [1, 2, 3], expected x, y"),
    ("box of words", BOTH, GOOD | {"bbox": ["1", 2, 3, 4]}, "bbox is ['1', 2, 3, 4], expected"),
    ("box with null", BOTH, GOOD | {"bbox": [1, 2, None, 4]}, "bbox is [1, 2, None, 4], expected"),
    ("box NaN", BOTH, GOOD | {"bbox": [1, NAN, 3, 4]}, "bbox is [1, nan, 3, 4], expected"),
    ("box infinite", BOTH, GOOD | {"bbox": [1, 2, INF, 4]}, "bbox is [1, 2, inf, 4], expected"),
    ("box beyond floats", BOTH, GOOD | {"bbox": [10**400, 2, 3, 4]}, "bbox is [1000"),
    ("box of corners in disorder", BOTH, GOOD | {"bbox": [40, 60, -30, -40]}, "bbox is [40, 60"),
    ("no mask", MASKS, without("segmentation"), "segmentation is None, expected size and counts"),
    ("mask null", MASKS, GOOD | {"segmentation": None}, "segmentation is None, expected"),
    ("mask of text", MASKS, GOOD | {"segmentation": "43"}, "segmentation is '43', expected"),
    ("mask without size", MASKS, GOOD | {"segmentation": {"counts": "43"}}, "expected size and"),
    ("mask without counts", MASKS, GOOD | {"segmentation": {"size": [96, 160]}}, "size and counts"),
    ("counts null", MASKS, rle(counts=None), "expected size and counts"),
    ("size of one", MASKS, rle(size=[96]), "expected size and counts"),
    ("size null", MASKS, rle(size=[96, None]), "segmentation.size is [96, None], expected height"),
    ("size zero", MASKS, rle(size=[0, 0], counts=[]), "segmentation.size is [0, 0], expected"),
    ("size negative", MASKS, rle(size=[-96, -160]), "segmentation.size is [-96, -160], expected"),
    ("size of exabytes", MASKS, rle(size=[10**18, 1]), "segmentation.size is [1000"),
    ("counts too few", MASKS, rle(counts=[9, 3]), "segmentation.counts are 12 px of 96 x 160"),
    ("counts overrun", MASKS, rle(counts=[9, 10**12]), "px of 96 x 160"),
    ("counts negative", MASKS, rle(counts=[-1, 15361]), "segmentation.counts are no whole numbers"),
    ("counts of halves", MASKS, rle(counts=[0.5, 15359.5]), "counts are no whole numbers"),
    ("counts of foreign letters", MASKS, rle(counts="43é"), "counts are no run lengths"),
    ("compressed: empty", MASKS, rle(counts=""), "run lengths do not fill the mask's size"),
    ("compressed: blanks", MASKS, rle(counts="4 3"), "run lengths do not fill"),
    ("compressed: too few", MASKS, rle(counts="43"), "run lengths do not fill"),
    ("compressed: cut", MASKS, rle(counts=RLE["counts"][:-1]), "run lengths do not fill"),
    ("compressed: overrun", MASKS, rle(counts=RLE["counts"] + "o0"), "run lengths do not fill"),
    ("compressed: of a larger mask", MASKS,
        rle(counts=filled(1, 4, 320, 192).decode()), "run lengths do not fill"),
    ("compressed: backwards", MASKS, rle(counts="N0`10"), "run lengths do not fill"),
    ("compressed: number of 14 letters", MASKS,
        rle(counts="P" * 13 + "0" + RLE["counts"]), "run lengths do not fill"),
]  # fmt: skip
CASES = [
    pytest.param(kind, entry, words, id=f"{kind}: {name}")
    for name, kinds, entry, words in MALFORMED_ENTRIES
    for kind in kinds
]


@pytest.mark.parametrize(("kind", "entry", "words"), CASES)
def test_a_file_of_malformed_entries_is_refused(
    tmp_path: Path, kind: str, entry: object, words: str
) -> None:
    path = written(tmp_path / "theirs.json", [entry])
    before = content_of(tmp_path)
    refuses(
        lambda: READERS[kind](path),
        f"{path}: none of its 1 entries",
        "(entry 0: ",
        words,
        f"correct {KEYS[kind]}",
    )
    assert content_of(tmp_path) == before


@pytest.mark.parametrize(("kind", "entry", "words"), CASES)
def test_a_malformed_entry_among_others_is_left_out_and_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str, entry: object, words: str
) -> None:
    found = READERS[kind](written(tmp_path / "theirs.json", [GOOD, entry, GOOD]))
    assert (len(found.rows), found.unused[MALFORMED]) == (2, 1)
    say_unused("theirs.json", found.unused)
    said = capsys.readouterr().out
    assert said.startswith("note: theirs.json: left out 1 malformed entries, first entry 1: ")
    assert words in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize(
    ("change", "reason", "words"),
    [
        ({"category_id": 0}, UNKNOWN_CATEGORY, "'category 0'"),
        ({"category_id": 11}, UNKNOWN_CATEGORY, "'category 11'"),
        ({"category_id": -1}, UNKNOWN_CATEGORY, "'category -1'"),
        ({"category_id": 1e18}, UNKNOWN_CATEGORY, "'category 1000000000000000000'"),
        ({"image_id": "elsewhere"}, UNKNOWN_IMAGE, "'elsewhere'"),
        ({"image_id": ""}, UNKNOWN_IMAGE, "''"),
        ({"image_id": 7}, UNKNOWN_IMAGE, "'7'"),
        ({"image_id": "\ud800"}, UNKNOWN_IMAGE, "'\\ud800'"),
        ({"image_id": "front\n"}, UNKNOWN_IMAGE, "'front\\n'"),
        ({"image_id": "../samples/CAM_FRONT/1.jpg"}, UNKNOWN_IMAGE, "'../"),
    ],
)
def test_what_is_not_of_this_data_set_is_left_out_and_named(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    kind: str,
    change: dict[str, object],
    reason: str,
    words: str,
) -> None:
    found = READERS[kind](written(tmp_path / "theirs.json", [GOOD, GOOD | change]))
    assert (len(found.rows), found.unused[reason], found.unused[MALFORMED]) == (1, 1, 0)
    say_unused("theirs.json", found.unused)
    assert f", first entry 1: {words}" in capsys.readouterr().out
    alone = written(tmp_path / "alone.json", [GOOD | change])
    refuses(lambda: READERS[kind](alone), "alone.json: none of its 1 ", f"(entry 0: {words}")


FILES: list[tuple[str, bytes, str]] = [
    ("no byte", b"", "not valid JSON"),
    ("cut", json.dumps([GOOD] * 3).encode()[:-40], "not valid JSON"),
    ("a line each", b"\n".join([json.dumps(GOOD).encode()] * 2), "not valid JSON"),
    ("Python's own text", str([GOOD]).encode(), "not valid JSON"),
    ("no text", b"[\xff\xfe\xfd]", "not valid JSON"),
    ("nests too deep", b"[" * 200_000, "not valid JSON"),
    ("number of 5000 digits", b"[" + b"1" * 5000 + b"]", "not valid JSON"),
    ("a key twice", b'[{"score": 1, "score": 0.5}]', "not valid JSON"),
    ("ground truth of COCO", b'{"images": [], "annotations": []}', "no list of COCO results"),
    ("a number", b"3", "no list of COCO results but 3"),
    ("null", b"null", "no list of COCO results but None"),
    ("text", b'"theirs"', "no list of COCO results but 'theirs'"),
]


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize(
    ("content", "words"), [row[1:] for row in FILES], ids=[row[0] for row in FILES]
)
def test_files_that_are_none(tmp_path: Path, kind: str, content: bytes, words: str) -> None:
    path = tmp_path / "theirs.json"
    path.write_bytes(content)
    refuses(lambda: READERS[kind](path), f"{path}: {words}")


SHARES = [[0.1, 0.2, 0.3, 0.4], [0.5, 0.5, 0.6, 0.6], [0, 0, 1, 1]]


@pytest.mark.parametrize("kind", BOTH)
def test_boxes_in_shares_of_the_image_are_refused(tmp_path: Path, kind: str) -> None:
    path = written(tmp_path / "theirs.json", [GOOD | {"bbox": box} for box in SHARES])
    refuses(lambda: READERS[kind](path), f"{path}: all boxes", "0 to 1; write pixels of the stored")


def test_boxes_of_tables_in_shares_of_the_image_are_refused(tmp_path: Path) -> None:
    boxes(box_px=[[0.1, 0.2, 0.4, 0.6], [0.5, 0.5, 1.0, 1.0]]).to(tmp_path / "theirs.parquet")
    refuses(
        lambda: READERS["boxes"](tmp_path / "theirs.parquet"), "theirs.parquet: all boxes", "pixels"
    )


@pytest.mark.parametrize(
    "box",
    [
        [500, 10, 30, 40],  # of a larger image
        [-50, 10, 30, 40],
        [10, 96, 30, 40],
        [10, -40, 30, 40],
        [10, 20, 0, 40],
        [10, 20, 30, 0],
        [160, 96, 0, 0],
    ],
)
def test_boxes_without_a_part_of_their_image_are_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], box: list[float]
) -> None:
    found = READERS["boxes"](written(tmp_path / "theirs.json", [GOOD | {"bbox": box}, GOOD]))
    assert found.rows.box_px.tolist() == [[10, 20, 40.5, 60]]
    assert found.unused[OUTSIDE] == 1
    say_unused("theirs.json", found.unused)
    assert "left out 1 entries outside their images" in capsys.readouterr().out
    alone = written(tmp_path / "alone.json", [GOOD | {"bbox": box}])
    refuses(lambda: READERS["boxes"](alone), "alone.json: no box has a part", "on front", "pixels")


def test_boxes_that_leave_their_image_in_part_are_taken(tmp_path: Path) -> None:
    entry = GOOD | {"bbox": [-10, -10, 500, 500]}
    found = READERS["boxes"](written(tmp_path / "theirs.json", [entry]))
    assert not any(found.unused.values())
    assert found.rows.box_px.tolist() == [[-10, -10, 490, 490]]


@pytest.mark.parametrize("size", [[160, 96], [96, 96], [48, 160]])
def test_masks_of_another_shape_are_refused(tmp_path: Path, size: list[int]) -> None:
    entry = rle(size=size, counts=[size[0] * size[1]])
    path = written(tmp_path / "theirs.json", [GOOD, entry])
    found = f"theirs.json: a mask on front is {size[1]} x {size[0]} px and its image 160 x 96 px"
    refuses(lambda: READERS["masks"](path), found, "write masks of whole images")


def test_polygons_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "theirs.json", [GOOD, GOOD | {"segmentation": [[1, 2, 3, 4, 5, 6]]}])
    refuses(lambda: READERS["masks"](path), "theirs.json: entry 1: its segmentation is a polygon")


class Stored:
    """Rows of a Parquet file."""

    def __init__(self, columns: dict[str, Any]) -> None:
        self.columns = columns

    def to(self, path: Path) -> Path:
        pq.write_table(pa.table(self.columns), path)
        return path


def boxes(**changes: Any) -> Stored:
    columns = {
        "camera_token": ["front", "back"],
        "detection_id": [0, 1],
        "class_name": ["car", "bus"],
        "score": [0.5, 0.6],
        "box_px": [[10.0, 20.0, 40.0, 60.0], [0.0, 0.0, 30.0, 20.0]],
    }
    return Stored(columns | changes)


def masks(**changes: Any) -> Stored:
    columns = {
        "camera_token": ["front", "back"],
        "sample_token": ["frame 1", "frame 2"],
        "detection_id": [0, 1],
        "class_name": ["car", "bus"],
        "score": [0.5, 0.6],
        "height_px": [HEIGHT_PX] * 2,
        "width_px": [WIDTH_PX] * 2,
        "rle": [filled(10, 40), filled(0, 30)],
    }
    return Stored(columns | changes)


CUT = filled(0, 30)[:-1]
ROWS: list[tuple[str, str, Stored, str]] = [
    ("boxes: no image", "boxes", boxes(camera_token=["front", None]), "camera_token is null"),
    ("boxes: no class", "boxes", boxes(class_name=["car", None]), "class_name is null"),
    ("boxes: no score", "boxes", boxes(score=[0.5, None]), "score is null"),
    ("boxes: no box", "boxes", boxes(box_px=[[1.0, 2, 3, 4], None]), "box_px is null"),
    ("boxes: score NaN", "boxes", boxes(score=[0.5, NAN]), "score is nan, expected a share"),
    ("boxes: score of 2", "boxes", boxes(score=[0.5, 2.0]), "score is 2.0, expected a share"),
    ("boxes: corner NaN", "boxes", boxes(box_px=[[1.0, 2, 3, 4], [1, 2, NAN, 4]]), "box_px is [1"),
    ("boxes: corner infinite", "boxes", boxes(box_px=[[1.0, 2, 3, 4], [1, 2, INF, 4]]), "box_px"),
    ("boxes: width for corner", "boxes", boxes(box_px=[[1.0, 2, 3, 4], [90, 2, 3, 4]]), "box_px"),
    ("masks: no run lengths", "masks", masks(rle=[filled(1, 2), None]), "rle is null"),
    ("masks: no keyframe", "masks", masks(sample_token=["frame 1", None]), "sample_token is null"),
    ("masks: no height", "masks", masks(height_px=[96, None]), "height_px is null"),
    ("masks: score NaN", "masks", masks(score=[0.5, NAN]), "score is nan, expected a share"),
    ("masks: runs empty", "masks", masks(rle=[filled(1, 2), b""]), "run lengths do not fill"),
    ("masks: runs cut", "masks", masks(rle=[filled(1, 2), CUT]), "run lengths do not fill"),
    ("masks: runs of noise", "masks", masks(rle=[filled(1, 2), b"\xff\x00"]), "run lengths do not"),
    ("masks: of another height", "masks", masks(height_px=[96, 95]), "run lengths do not fill"),
    ("masks: height negative", "masks", masks(height_px=[96, -96]), "run lengths do not fill"),
    ("masks: of exabytes", "masks", masks(height_px=[96, 2**62]), "run lengths do not fill"),
    ("masks: of another keyframe", "masks", masks(sample_token=["frame 1", "frame 1"]),
        "sample_token is not the keyframe of its image"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "stored", "words"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_malformed_rows_are_left_out_and_named(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    kind: str,
    stored: Stored,
    words: str,
) -> None:
    found = READERS[kind](stored.to(tmp_path / "theirs.parquet"))
    assert (len(found.rows), found.unused[MALFORMED]) == (1, 1)
    say_unused("theirs.parquet", found.unused)
    assert f"left out 1 malformed entries, first entry 1: {words}" in capsys.readouterr().out
    pq.write_table(pq.read_table(tmp_path / "theirs.parquet").slice(1), tmp_path / "b.parquet")
    refuses(lambda: READERS[kind](tmp_path / "b.parquet"), "b.parquet: none of its 1", words)


TABLES: list[tuple[str, str, Stored, str]] = [
    ("masks for boxes", "boxes", masks(), "no table of Boxes2D"),
    ("boxes for masks", "masks", boxes(), "no table of Masks"),
    ("words for scores", "boxes", boxes(score=["high", "low"]), "no table of Boxes2D"),
    ("boxes of three", "boxes", boxes(box_px=[[1.0, 2, 3]] * 2), "no table of Boxes2D"),
    ("texts for sizes", "masks", masks(height_px=["a", "b"]), "no table of Masks"),
]


@pytest.mark.parametrize(
    ("kind", "stored", "words"), [row[1:] for row in TABLES], ids=[row[0] for row in TABLES]
)
def test_tables_of_something_else(tmp_path: Path, kind: str, stored: Stored, words: str) -> None:
    path = stored.to(tmp_path / "theirs.parquet")
    refuses(lambda: READERS[kind](path), f"{path}: {words}", "write it again")


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("content", [b"", b"PAR1", b"no table", b"PAR1" + b"\xff" * 64 + b"PAR1"])
def test_parquet_files_that_are_none(tmp_path: Path, kind: str, content: bytes) -> None:
    path = tmp_path / "theirs.parquet"
    path.write_bytes(content)
    refuses(lambda: READERS[kind](path), f"{path}: no table of", "write it again")


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize(
    "content",
    [
        json.dumps([GOOD | {"category_id": 1.0}]).encode(),
        json.dumps([GOOD | {"category_id": "1"}]).encode(),
        json.dumps([GOOD | {"image_id": "samples/CAM_FRONT/1.jpg"}]).encode(),
        json.dumps([GOOD | {"image_id": "1.jpg"}]).encode(),
        json.dumps([GOOD | {"id": 7, "area": 12.5, "iscrowd": 0}]).encode(),
        json.dumps([GOOD | {"score": 1}]).encode(),
        json.dumps([GOOD], indent=2).replace("\n", "\r\n").encode(),
        b"\xef\xbb\xbf" + json.dumps([GOOD]).encode(),
        json.dumps([GOOD]).encode("utf-16"),
        b"\n\n" + json.dumps([GOOD]).encode() + b"\n\n",
    ],
    ids=["3.0", "text", "path", "name", "more fields", "score 1", "CRLF", "BOM", "UTF-16", "blank"],
)
def test_what_other_programs_write_is_taken(tmp_path: Path, kind: str, content: bytes) -> None:
    path = tmp_path / "theirs.json"
    path.write_bytes(content)
    found = READERS[kind](path)
    assert len(found.rows) == 1
    assert not any(found.unused.values())
    assert found.rows.class_name.tolist() == ["car"]
    assert found.rows.camera_token.tolist() == ["front"]


def test_numbers_of_images_may_have_a_point(tmp_path: Path) -> None:
    numbered = CAMERAS.replace(camera_token=["17", "18"])
    path = written(tmp_path / "theirs.json", [GOOD | {"image_id": number} for number in (17, 18.0)])
    assert read_detections(path, TAXONOMY, numbered).rows.camera_token.tolist() == ["17", "18"]


RUNS: list[tuple[str, dict[str, Any]]] = [
    ("cut", {"rle": [CUT]}),
    ("empty", {"rle": [b""]}),
    ("noise", {"rle": [b"\xff\xfe\x00"]}),
    ("overrun", {"rle": [filled(0, 30) + b"4"]}),
    ("of another size", {"height_px": [48]}),
    ("too long a number", {"rle": [b"P" * 13 + b"0" + filled(0, 30)]}),
    ("backwards", {"rle": [b"O" + filled(0, 30)]}),
]


def written_anyhow(masks: Masks, path: Path) -> None:
    """Write masks whatever the table's rules say of them."""
    columns = [col.from_numpy(getattr(masks, name)) for name, col in columns_of(Masks).items()]
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_arrays(columns, schema=Masks.schema()), path)


@pytest.mark.parametrize("changes", [row[1] for row in RUNS], ids=[row[0] for row in RUNS])
def test_masks_that_no_stage_can_use(changes: dict[str, Any], tmp_path: Path) -> None:
    columns = masks().columns | {"detection_id": [3]} | changes
    one = Masks.from_columns(**{name: values[:1] for name, values in columns.items()})
    path = tmp_path / "data" / "masks" / "scene.parquet"
    words = f"{path}: row 0, column 'rle': the run lengths of detection 3 do not fill"
    refuses(lambda: one.write(path), words, "not written")
    written_anyhow(one, path)
    refuses(lambda: Masks.read(path), words, "`dvc repro segment`")


def test_masks_of_two_sizes_on_an_image(tmp_path: Path) -> None:
    path = tmp_path / "data" / "masks" / "scene.parquet"
    written_anyhow(
        Masks.from_columns(**masks(camera_token=["front"] * 2, height_px=[96, 48]).columns), path
    )
    refuses(
        lambda: Masks.read(path),
        f"{path}: row 1, column 'height_px': 48, and a mask before it on this image has 96",
        "`dvc repro segment`",
    )


def test_own_tables_pass(tmp_path: Path) -> None:
    for kind, stored, table in (("boxes", boxes(), Boxes2D), ("masks", masks(), Masks)):
        found = READERS[kind](stored.to(tmp_path / f"{table.__name__}.parquet"))
        assert len(found.rows) == 2
        assert not any(found.unused.values())
