"""Files of results, changed by somebody: refused where they enter, by file, record and field."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cm3d.evaluation.nuscenes.summary import HEADLINES
from cm3d.evaluation.protocol import open_scorer
from cm3d.fuse.imported import read_labels
from cm3d.params import load_params
from cm3d.tables import Boxes2D, Boxes3D, Cameras, Frames, GroundTruth, layout
from cm3d.tables.result_files import MAX_BOXES_PER_FRAME, encode, submission
from cm3d.taxonomy import Taxonomy, load_taxonomy
from stages.report import read_scores
from stages.track import read_scores as read_headlines
from tests.trust.refusal import NO_FILES, content_of, refuses

NAN, INF = float("nan"), float("inf")
POSE = [1.0, 0, 0, 0, 0, 0, 0]
SPLITS = {"train": ["t", "u"], "val": ["v", "w"]}
# What each scorer reads, and the stage that makes it.
RESULTS = {
    "nuscenes": ("data/predictions/finetune", "predict@finetune"),
    "agnostic": ("data/sam3d", "sam3d"),
    "waymo": ("data/lifted", "lift"),
    "boxes2d": ("data/boxes2d", "detect2d"),
}
OF_BOXES = ["nuscenes", "agnostic", "waymo"]


def frames_of(split: str) -> Frames:
    return Frames.from_columns(
        sample_token=SPLITS[split],
        scene_name=[split] * 2,
        timestamp_us=[0, 500_000],
        split=[split] * 2,
        location=[""] * 2,
        global_SE3_ego=[POSE] * 2,
    )


def boxes_of(tokens: list[str]) -> dict[str, Any]:
    return dict(
        sample_token=tokens,
        class_name=["car", "bus"],
        score=[0.5, 0.25],
        center_m=[[5.0, 0, 0], [9, 0, 0]],
        length_m=[4.0, 8],
        width_m=[2.0, 2],
        height_m=[1.5, 3],
        yaw_rad=[0.0, 1],
        velocity_mps=[[1.0, 2], [NAN, NAN]],
        attribute_name=["", "vehicle.parked"],
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The index of two splits of a scene each, and results in both."""
    root = tmp_path_factory.mktemp("results")
    for split, tokens in SPLITS.items():
        file, images = f"{split}.parquet", [f"{token}-image" for token in tokens]
        boxes = boxes_of(tokens)
        frames_of(split).write(root / layout.FRAMES / file)
        Cameras.from_columns(
            camera_token=images,
            sample_token=tokens,
            channel=["front"] * 2,
            path=[f"{image}.jpg" for image in images],
            width_px=[160] * 2,
            height_px=[90] * 2,
            intrinsics_px=[[100.0, 0, 80, 0, 100, 45, 0, 0, 1]] * 2,
            global_SE3_camera=[POSE] * 2,
        ).write(root / layout.CAMERAS / file)
        GroundTruth.from_columns(
            **boxes,
            instance_token=tokens,
            num_lidar_points=[9] * 2,
            num_radar_points=[0] * 2,
            visibility=[4] * 2,
        ).write(root / layout.GROUND_TRUTH / file)
        Boxes3D.empty().write(root / layout.BICYCLE_RACKS / file)
        for scorer in OF_BOXES:
            Boxes3D.from_columns(**boxes).write(root / RESULTS[scorer][0] / file)
        Boxes2D.from_columns(
            camera_token=images,
            detection_id=[0, 1],
            class_name=["car"] * 2,
            score=[0.5] * 2,
            box_px=[[1.0, 2, 30, 40]] * 2,
        ).write(root / layout.BOXES2D / file)
    return root


@pytest.fixture
def workspace(made: Path, bare_workspace: Path) -> Path:
    """The current folder, with links to these."""
    for path in made.rglob("*.parquet"):
        target = bare_workspace / path.relative_to(made)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.hardlink_to(path)
    return bare_workspace


def score(scorer: str) -> object:
    """What `stages.evaluate` does with the results of val."""
    opened = open_scorer(scorer, load_params(), load_taxonomy("nuscenes"))
    return opened.score(Path(RESULTS[scorer][0]), frames_of("val"))


def path_of(scorer: str) -> Path:
    return Path(RESULTS[scorer][0]) / "val.parquet"


def score_refuses(scorer: str, *words: str) -> None:
    before = content_of(Path())
    stage = f"`dvc repro {RESULTS[scorer][1]}`"
    refuses(lambda: score(scorer), f"{path_of(scorer)}: ", stage, *words)
    assert content_of(Path()) == before


@pytest.mark.usefixtures("workspace")
@pytest.mark.parametrize("scorer", RESULTS)
def test_sound_results_are_scored(scorer: str) -> None:
    assert score(scorer) is not None


def change(path: Path, column: str, value: object) -> None:
    """Put a value into the second row, whatever the table's rules say of it."""
    stored = pq.read_table(path)
    values = stored[column].to_pylist()
    values[1] = value
    field, position = stored.schema.field(column), stored.column_names.index(column)
    path.unlink()
    pq.write_table(stored.set_column(position, field, pa.array(values, field.type)), path)


# column of 3D boxes, value of the second row, what the message says of it
VALUES: list[tuple[str, object, str]] = [
    ("class_name", "tram", "of frame w: the class is none of car,"),
    ("class_name", "Bus", "of frame w: the class is none of car,"),
    ("class_name", "", "'' is not a printable text"),
    ("attribute_name", "vehicle.flying", "of frame w: the attribute is unknown"),
    ("sample_token", "t", "'t' is not in data/index/frames/val.parquet"),
    ("sample_token", "nobody", "'nobody' is not in"),
    ("sample_token", "", "'' is not a printable text"),
    ("score", NAN, "column 'score': nan"),
    ("score", 1.0001, "column 'score': 1.0001"),
    ("score", -1e-9, "column 'score': -1e-09"),
    ("center_m", [NAN, 0.0, 0.0], "column 'center_m': [nan"),
    ("center_m", [0.0, INF, 0.0], "column 'center_m': [0.0, inf"),
    ("length_m", 0.0, "column 'length_m': 0.0"),
    ("width_m", -2.0, "column 'width_m': -2.0"),
    ("height_m", INF, "column 'height_m': inf"),
    ("yaw_rad", NAN, "column 'yaw_rad': nan"),
    ("velocity_mps", [INF, 0.0], "column 'velocity_mps': [inf"),
    ("score", None, "column 'score': no value"),
]


@pytest.mark.usefixtures("workspace")
@pytest.mark.parametrize("scorer", OF_BOXES)
@pytest.mark.parametrize(
    ("column", "value", "says"), VALUES, ids=[f"{column}-{value}" for column, value, _ in VALUES]
)
def test_boxes(scorer: str, column: str, value: object, says: str) -> None:
    change(path_of(scorer), column, value)
    score_refuses(scorer, says)


@pytest.mark.usefixtures("workspace")
@pytest.mark.parametrize("name", ["tram", "object", "CAR"])
def test_boxes_on_images_of_other_classes(name: str) -> None:
    change(path_of("boxes2d"), "class_name", name)
    score_refuses("boxes2d", f"row 1: unknown class {name!r}")


@pytest.mark.usefixtures("workspace")
def test_boxes_that_know_no_class_are_no_detections() -> None:
    change(path_of("agnostic"), "class_name", "object")
    assert score("agnostic") is not None
    change(path_of("nuscenes"), "class_name", "object")
    score_refuses("nuscenes", "the class is none of car,")


CONTENTS: list[tuple[str, bytes, str]] = [
    ("empty", b"", "not a readable Parquet file"),
    ("cut", b"PAR1\x15\x04", "not a readable Parquet file"),
    ("JSON", b'{"results": {}}', "not a readable Parquet file"),
    ("a web page", b"<html></html>", "not a readable Parquet file"),
    ("not UTF-8", b"\xff\xfe\x00", "not a readable Parquet file"),
]


@pytest.mark.usefixtures("workspace")
@pytest.mark.parametrize("scorer", RESULTS)
@pytest.mark.parametrize(
    ("content", "says"), [row[1:] for row in CONTENTS], ids=[row[0] for row in CONTENTS]
)
def test_contents(scorer: str, content: bytes, says: str) -> None:
    path_of(scorer).unlink()
    path_of(scorer).write_bytes(content)
    score_refuses(scorer, says)


@pytest.mark.usefixtures("workspace")
@pytest.mark.parametrize("scorer", RESULTS)
def test_results_of_another_scene_and_of_none(scorer: str) -> None:
    path = path_of(scorer)
    other = path.with_name("train.parquet").read_bytes()
    path.unlink()
    score_refuses(scorer, "missing")
    path.write_bytes(other)
    score_refuses(scorer, "row 0", "is not in")


@pytest.mark.usefixtures("workspace")
@pytest.mark.parametrize("scorer", RESULTS)
def test_results_of_another_kind(scorer: str) -> None:
    other = path_of("nuscenes" if scorer == "boxes2d" else "boxes2d").read_bytes()
    path_of(scorer).unlink()
    path_of(scorer).write_bytes(other)
    score_refuses(scorer, "column ")


# Content of a file of scores, what the message says of it, and who must refuse it.
BOTH, REPORT = ("track", "report"), ("report",)
SCORES: list[tuple[str, bytes, str, tuple[str, ...]]] = [
    ("beyond any float", b'{"mAP": 1e999}', "mAP is inf, no finite number", BOTH),
    ("400 digits", b'{"mAP": ' + b"9" * 400 + b"}", "mAP is 999", BOTH),
    ("minus 400 digits", b'{"mAP": -' + b"9" * 400 + b"}", "mAP is -999", BOTH),
    ("a list", b'{"mAP": [0.5]}', "mAP is [0.5], no finite number", BOTH),
    ("true", b'{"mAP": true}', "mAP is True, no finite number", BOTH),
    ("a list within", b'{"car": {"AP": [1]}}', "car.AP is [1], no finite number", BOTH),
    ("a number beyond, within", b'{"a": {"b": {"c": -1e999}}}', "a.b.c is -inf", BOTH),
    ("a key twice", b'{"mAP": 0.5, "mAP": 0.9}', "key 'mAP' stands twice", BOTH),
    ("a key twice within", b'{"car": {"AP": 1, "AP": 0}}', "key 'AP' stands twice", BOTH),
    ("too deep", b'{"a":' * 99 + b"1" + b"}" * 99, "nests too deep", BOTH),
    ("much too deep", b'{"a":' * 900 + b"1" + b"}" * 900, "nest", BOTH),
    ("NaN within", b'{"car": {"AP": NaN}}', "NaN is no number", BOTH),
    ("a long list", b'{"mAP": [' + b"1," * 9999 + b"1]}", "mAP is [1, 1", BOTH),
    ("a comma too many", b'{"mAP": 0.5,}', "not valid JSON", BOTH),
    ("a comment", b'{"mAP": 0.5} // good', "not valid JSON", BOTH),
    ("a conflict of Git", b'<<<<<<< HEAD\n{"mAP": 0.5}\n=======', "not valid JSON", BOTH),
    ("a word for mAP", b'{"mAP": "0.5"}', "mAP is '0.5', expected a share", REPORT),
    ("null for mAP", b'{"mAP": null}', "mAP is None, expected a share", REPORT),
    ("mAP in percent", b'{"mAP": 41.2}', "mAP is 41.2, expected a share", REPORT),
    ("NDS in percent", b'{"NDS": 55}', "NDS is 55, expected a share", REPORT),
    ("a negative mAP", b'{"mAP": -0.1}', "mAP is -0.1, expected a share", REPORT),
    ("a negative error", b'{"mATE": -0.1}', "mATE is -0.1, expected a number from 0", REPORT),
    ("an object for mAP", b'{"mAP": {"car": 1}}', "mAP is {'car': 1}, expected", REPORT),
    ("a number for the engine", b'{"engine": 7}', "engine is 7, no text", REPORT),
    ("an object for the engine", b'{"engine": {"a": 1}}', "engine is {'a': 1}, no text", REPORT),
]


@pytest.mark.parametrize(
    ("content", "says", "reader"),
    [(content, says, reader) for _, content, says, readers in SCORES for reader in readers],
    ids=[f"{name}-{reader}" for name, _, _, readers in SCORES for reader in readers],
)
def test_scores(
    content: bytes, says: str, reader: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path("metrics/evaluate/finetune.json")
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    again = "rerun its stage" if reader == "track" else "`dvc repro -f -s evaluate@finetune`"
    readers: dict[str, Callable[[], object]] = {
        "track": lambda: read_headlines(Path(), [path]),
        "report": lambda: read_scores(path.parent),
    }
    refuses(readers[reader], f"{path}: ", says, again)
    assert content_of(tmp_path) == {str(path): content}


def test_scores_in_a_folder_are_named(tmp_path: Path) -> None:
    (tmp_path / "finetune.json").mkdir()
    refuses(lambda: read_scores(tmp_path), "finetune.json: Is a directory")


def test_what_stages_write_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    written = {
        "evaluate/finetune": {"engine": "fast", **dict.fromkeys(HEADLINES, 0.5)},
        "evaluate/lifted": {"engine": "none"},
        "evaluate/pretrain": {"engine": "fast", "mAP": 0, "NDS": 1.0, "mATE": 1.25},
        "evaluate_classes/finetune": {"car": {"AP": 0.5, "AVE": None}},
        "fuse_temperature": {},
    }
    for name, content in written.items():
        path = Path("metrics") / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))
    files = sorted(Path("metrics").rglob("*.json"))
    headlines = {Path(k).name: v for k, v in written.items() if Path(k).parent.name == "evaluate"}
    assert read_headlines(Path(), files) == headlines
    assert len(read_scores(layout.EVALUATION)) == 3


BOX = {
    "sample_token": "v",
    "translation": [5.0, 0.0, 0.0],
    "size": [2.0, 4.0, 1.5],
    "rotation": [1.0, 0.0, 0.0, 0.0],
    "velocity": [0.0, 0.0],
    "detection_name": "car",
    "detection_score": 0.5,
    "attribute_name": "",
}


def crowd(count: int) -> list[dict[str, object]]:
    return [{**BOX, "translation": [float(row), 0.0, 0.0]} for row in range(count)]


SUBMISSIONS: list[tuple[str, object, str]] = [
    ("501 boxes", {"v": crowd(MAX_BOXES_PER_FRAME + 1)}, "sample v has 501 boxes"),
    ("501 boxes of a stranger", {"x": crowd(501), "v": []}, "sample x has 501 boxes"),
    ("a box of another", {"v": [BOX], "w": [BOX]}, "a box of w has sample_token 'v'"),
    ("a box of a stranger", {"v": [{**BOX, "sample_token": "x"}]}, "has sample_token 'x'"),
    ("a box of nobody", {"v": [{**BOX, "sample_token": None}]}, "has sample_token None"),
    ("a box of a list", {"v": [{**BOX, "sample_token": ["v"]}]}, "has sample_token ['v']"),
    ("a box of a number", {"v": [{**BOX, "sample_token": 7}]}, "has sample_token 7"),
    ("a box of nothing", {"v": [{**BOX, "sample_token": ""}]}, "has sample_token ''"),
    ("tokens of no split", {"x": [{**BOX, "sample_token": "x"}]}, "none of its 1 boxes"),
    ("a rotation of no length", {"v": [{**BOX, "rotation": [0, 0, 0, 0]}]}, "is no rotation"),
    ("sides of no length", {"v": [{**BOX, "size": [0, 0, 0]}]}, "its size"),
    ("a box in a box", {"v": [[BOX]]}, "a box of v has no translation"),
    ("null", {"v": None}, "sample v has no list of boxes"),
]


@pytest.mark.parametrize(
    ("results", "says"), [row[1:] for row in SUBMISSIONS], ids=[row[0] for row in SUBMISSIONS]
)
def test_submissions(results: object, says: str, tmp_path: Path, taxonomy: Taxonomy) -> None:
    path = tmp_path / "theirs.json"
    path.write_text(json.dumps({"meta": {}, "results": results}))
    refuses(lambda: read_labels(path, frames_of("val"), taxonomy), f"{path}: ", says)


@pytest.mark.parametrize("kind", NO_FILES)
def test_a_submission_that_is_no_file(kind: str, tmp_path: Path, taxonomy: Taxonomy) -> None:
    path = tmp_path / "theirs.json"
    NO_FILES[kind](path)
    says = "no Parquet files" if kind == "folder" else "theirs.json: "
    read = lambda: read_labels(path, frames_of("val"), taxonomy)  # noqa: E731
    refuses(read, says, "correct import_labels.file")


def test_our_own_submission_is_taken_back(tmp_path: Path, taxonomy: Taxonomy) -> None:
    frames, path = frames_of("val"), tmp_path / "ours.json"
    boxes = Boxes3D.from_columns(**boxes_of(SPLITS["val"]))
    path.write_bytes(encode(submission(boxes, frames, True, True, True)))
    again = read_labels(path, frames, taxonomy)
    assert again.rows.sample_token.tolist() == ["v", "w"]
    assert not any(again.unused.values())
    content = json.loads(path.read_text())
    for entry in content["results"]["v"]:
        del entry["sample_token"]  # the key says it
    content["results"]["w"] = [{**e, "sample_token": "w"} for e in crowd(MAX_BOXES_PER_FRAME)]
    path.write_text(json.dumps(content))
    assert len(read_labels(path, frames, taxonomy).rows) == 1 + MAX_BOXES_PER_FRAME


BROKEN: list[tuple[str, object]] = [
    ("score", [NAN, 0.5]),
    ("score", [INF, 0.5]),
    ("center_m", [[NAN, 0, 0]] * 2),
    ("length_m", [INF, 4.0]),
    ("width_m", [NAN, 2.0]),
    ("height_m", [-INF, 2.0]),
    ("yaw_rad", [NAN, 0.0]),
]


@pytest.mark.parametrize(("column", "values"), BROKEN, ids=[f"{c}-{v}" for c, v in BROKEN])
def test_no_broken_submission_is_made(column: str, values: object) -> None:
    boxes = Boxes3D.from_columns(**boxes_of(SPLITS["val"])).replace(**{column: np.array(values)})
    make = lambda: submission(boxes, frames_of("val"), True, True, True)  # noqa: E731
    refuses(make, "box 0, of frame v", column, "not finite")
