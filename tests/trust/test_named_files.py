"""Files that parameters name: which are refused, and that their content counts."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from cm3d.detect2d.precomputed import read_detections
from cm3d.execution.digest import named_content, stage_digest
from cm3d.execution.pipeline import file_knobs, knobs_of, read_stages
from cm3d.fuse.imported import read_labels
from cm3d.lift.priors import load_priors
from cm3d.params import NO_FILE, Params, parse_params, read_yaml
from cm3d.segment.precomputed.files import read_masks
from cm3d.sensors.card import DataCard, ImageFormat, LidarFormat
from cm3d.splits.labelled import is_labelled
from cm3d.tables import Cameras, Frames, Sweeps, layout
from cm3d.taxonomy import load_taxonomy
from experiments.overrides import with_overrides
from stages.pretrain import initial_weights
from tests.trust.refusal import content_of, of_other_systems, refuses

PROJECT = Path(__file__).resolve().parents[2]
VALUES = read_yaml(PROJECT / "params.yaml")
TAXONOMY = load_taxonomy("nuscenes", PROJECT / "taxonomies")

# Knobs that name a file, with stages that read it.
KNOBS = {
    "detect2d.precomputed.file": ("detect2d",),
    "segment.precomputed.file": ("segment",),
    "segment.sam.checkpoint": ("segment",),
    "lift.shape_prior_file": ("lift",),
    "import_labels.file": ("import",),
    "labels.frames_file": ("fuse", "pretrain", "finetune", "relabel_r1", "selftrain_r3",
                           "evaluate@pseudo_labels_unlabelled", "evaluate@relabel_r2"),
    "pretrain.init_checkpoint": ("pretrain",),
}  # fmt: skip
READ_BY = [(knob, stage) for knob, stages in KNOBS.items() for stage in stages]

POSE = (1.0, 0, 0, 0, 0, 0, 0)
FRAMES = Frames.from_columns(
    sample_token=["f0", "f1"],
    scene_name=["s", "s"],
    timestamp_us=[0, 500_000],
    split=["train", "train"],
    location=["", ""],
    global_SE3_ego=[POSE, POSE],
)
CAMERAS = Cameras.from_columns(
    camera_token=["c0"],
    sample_token=["f0"],
    channel=["CAM_FRONT"],
    path=["front.jpg"],
    width_px=[16],
    height_px=[9],
    intrinsics_px=[(10.0, 0, 8, 0, 10, 4.5, 0, 0, 1)],
    global_SE3_camera=[POSE],
)


def params_with(**changes: Any) -> Params:
    return parse_params(with_overrides(VALUES, changes))


def read_frames_file(path: Path) -> object:
    labels = params_with(**{"labels.frames_file": str(path)}).labels
    return is_labelled(FRAMES, labels, 0).tolist()


def read_checkpoint(path: Path) -> object:
    return initial_weights(params_with(**{"pretrain.init_checkpoint": str(path)}))


def read_priors(path: Path) -> object:
    return load_priors("chatgpt", TAXONOMY, str(path))


def read_imported(path: Path) -> object:
    return read_labels(path, FRAMES, TAXONOMY)


def read_boxes(path: Path) -> object:
    return read_detections(path, TAXONOMY, CAMERAS)


def read_outlines(path: Path) -> object:
    return read_masks(path, TAXONOMY, CAMERAS)


Read = Callable[[Path], object]
READERS: dict[str, Read] = {
    "labels.frames_file": read_frames_file,
    "pretrain.init_checkpoint": read_checkpoint,
    "lift.shape_prior_file": read_priors,
    "import_labels.file": read_imported,
    "detect2d.precomputed.file": read_boxes,
    "segment.precomputed.file": read_outlines,
}
OF_JSON = [knob for knob in READERS if knob.endswith("file") and knob != "lift.shape_prior_file"]


@pytest.fixture(autouse=True)
def class_list(monkeypatch: pytest.MonkeyPatch) -> None:
    """A class list wherever the test runs."""
    monkeypatch.setattr("stages.pretrain.load_taxonomy", lambda _: TAXONOMY)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "data/none stands for none"),
        ("", "match pattern"),
        (7, "valid string"),
        (True, "valid string"),
        (["a.json"], "valid string"),
        ("a\x00b", "match pattern"),
        ("a\nb", "match pattern"),
        ("~/a.json", "write it in full"),
        ("s3://bucket/a.json", "no path of this machine"),
        ("${seed}.json", "no path of this machine"),
    ],
)
@pytest.mark.parametrize("knob", KNOBS)
def test_what_is_no_path(knob: str, value: Any, words: str) -> None:
    refuses(lambda: params_with(**{knob: value}), "params.yaml: ", knob, words)


@pytest.mark.parametrize("path", ["./data/none", "data//none", "data/x/../none"])
@pytest.mark.parametrize("knob", KNOBS)
def test_no_file_is_no_file_however_it_is_written(knob: str, path: str) -> None:
    assert params_with(**{knob: path}) == params_with(**{knob: NO_FILE})


def pipe(path: Path) -> None:
    os.mkfifo(path)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def nothing(path: Path) -> None:
    path.symlink_to("gone")


def circle(path: Path) -> None:
    path.symlink_to(path)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (pipe, "is a pipe, socket or device"),
        (device, "is a pipe, socket or device"),
        (nothing, "missing"),
        (circle, "cannot be read"),
    ],
)
@pytest.mark.parametrize("suffix", [".json", ".parquet"])
@pytest.mark.parametrize("knob", READERS)
def test_what_is_no_file(
    tmp_path: Path, knob: str, suffix: str, make: Callable[[Path], None], words: str
) -> None:
    path = tmp_path / f"named{suffix}"
    make(path)
    refuses(lambda: READERS[knob](path), str(path), words, f"correct {knob}")


@pytest.mark.parametrize("knob", ["labels.frames_file", "lift.shape_prior_file"])
def test_a_folder_where_a_file_is_read(tmp_path: Path, knob: str) -> None:
    refuses(lambda: READERS[knob](tmp_path), str(tmp_path), "is a folder", f"correct {knob}")


@pytest.mark.parametrize(
    "knob", ["import_labels.file", "detect2d.precomputed.file", "segment.precomputed.file"]
)
def test_an_empty_folder_of_tables(tmp_path: Path, knob: str) -> None:
    refuses(lambda: READERS[knob](tmp_path), str(tmp_path), "no Parquet files", f"correct {knob}")


@pytest.mark.parametrize(
    "knob", ["import_labels.file", "detect2d.precomputed.file", "segment.precomputed.file"]
)
def test_a_pipe_among_tables(tmp_path: Path, knob: str) -> None:
    os.mkfifo(tmp_path / "a.parquet")
    refuses(lambda: READERS[knob](tmp_path), "a.parquet", "is a pipe", f"correct {knob}")


def test_an_empty_model_folder(tmp_path: Path) -> None:
    refuses(lambda: read_checkpoint(tmp_path), "detector.json: missing")


JSON: list[tuple[str, bytes, str]] = [
    ("empty", b"", "not valid JSON"),
    ("open", b'["f0"', "not valid JSON"),
    ("not Unicode", b'["f\xe9"]', "not valid JSON"),
    ("nests too deep", b"[" * 100_000, "not valid JSON"),
    ("5000 digits", b"[" + b"9" * 5_000 + b"]", "not valid JSON"),
    ("a key twice", b'[{"score": 1, "score": 0}]', "key 'score' stands twice"),
    ("a comma too many", b'["f0",]', "not valid JSON"),
    ("a pickle", b"\x80\x04cos\nsystem\n", "not valid JSON"),
    ("a number", b"7", "named"),
    ("a null", b"null", "named"),
    ("a word", b'"f0"', "named"),
]


@pytest.mark.parametrize(("content", "words"), [row[1:] for row in JSON], ids=[r[0] for r in JSON])
@pytest.mark.parametrize("knob", OF_JSON)
def test_json(tmp_path: Path, knob: str, content: bytes, words: str) -> None:
    path = tmp_path / "named.json"
    path.write_bytes(content)
    assert "Git" not in refuses(lambda: READERS[knob](path), "named.json: ", words)
    assert content_of(tmp_path) == {"named.json": content}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_json_with_a_mark_is_read(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "named.json"
    path.write_bytes('["f0"]\r\n'.encode(encoding))
    assert read_frames_file(path) == [True, False]


YAML: list[tuple[bytes, str]] = [
    (b"", "not a mapping"),
    (b"car: 4.5\n", "car: "),
    (b"car: {length_m: 4, width_m: 2, height_m: 1.5}\n", "no 'truck'; every class of taxonomy"),
    (b"car: {length_m: .nan, width_m: 2, height_m: 1.5}\n", "car.length_m: "),
    (b"car: {length_m: 1.0e+9, width_m: 2, height_m: 1.5}\n", "car.length_m: "),
    (b"car: {length_m: -1, width_m: 2, height_m: 1.5}\n", "car.length_m: "),
    (b"car: {length_m: true, width_m: 2, height_m: 1.5}\n", "car.length_m: "),
    (b"car: {length_m: 4}\n", "car.width_m: Field required"),
    (b"car: [4.5\n", "not valid YAML"),
    (b"c\xe9r: 1\n", "not valid YAML"),
    (b"7: {length_m: 4, width_m: 2, height_m: 1.5}\n", "7."),
]  # fmt: skip


@pytest.mark.parametrize(("content", "words"), YAML)
def test_sizes(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "sizes.yaml").write_bytes(content)
    says = refuses(lambda: read_priors(tmp_path / "sizes.yaml"), "sizes.yaml: ", words)
    assert "Git" not in says


def test_sizes_of_other_systems_are_read(tmp_path: Path) -> None:
    lines = [f"{n}: {{length_m: 4, width_m: 2, height_m: 1.5}}\n" for n in TAXONOMY.class_names]
    (tmp_path / "sizes.yaml").write_bytes(of_other_systems("".join(lines)))
    priors = load_priors("chatgpt", TAXONOMY, str(tmp_path / "sizes.yaml"))
    assert set(priors.of_class.size.length_m) == {4.0}


def test_parameters_of_other_systems_count_the_same(named: Path) -> None:
    """For DVC's stages and unfinished work, as for the stages themselves."""
    write_params({"labels.frames_file": "mine"})
    digest, text = stage_digest("fuse"), Path("params.yaml").read_text()
    Path("params.yaml").write_bytes(of_other_systems(text))
    assert stage_digest("fuse") == digest


def write_params(changes: dict[str, Any]) -> None:
    """The project's parameters with some changes, as the current folder's."""
    values = with_overrides(VALUES, changes)
    Path("params.yaml").write_text(yaml.dump(values, Dumper=yaml.CSafeDumper, sort_keys=False))


@pytest.fixture
def named(bare_workspace: Path) -> Path:
    """A workspace with the file that stands for none, and another beside it."""
    (bare_workspace / "data").mkdir()
    shutil.copy(PROJECT / NO_FILE, bare_workspace / NO_FILE)
    (bare_workspace / "mine").write_text("old")
    return bare_workspace


def test_all_files_that_parameters_name_are_known() -> None:
    assert file_knobs(PROJECT / "dvc.yaml") == sorted(KNOBS)


@pytest.mark.parametrize("knob", KNOBS)
def test_content_is_told_apart_by_knob(named: Path, knob: str) -> None:
    assert named_content(VALUES, named) == {}
    values = with_overrides(VALUES, {knob: "mine"})
    old = named_content(values, named)
    (named / "mine").write_text("new")
    new = named_content(values, named)
    assert old.keys() == new.keys() == {knob}
    assert old != new


def test_the_file_that_stands_for_none_is_in_the_repository() -> None:
    assert (PROJECT / NO_FILE).stat().st_size > 0, "DVC warns of empty ones"


@pytest.mark.parametrize(("knob", "stage"), READ_BY)
def test_named_files_are_dependencies(named: Path, knob: str, stage: str) -> None:
    assert NO_FILE in read_stages(Path("dvc.yaml"))[stage]["deps"]
    path = str(named / "mine")
    write_params({knob: path})
    described = read_stages(Path("dvc.yaml"))[stage]
    assert path in described["deps"]
    # else the name of a file would count twice, or not at all
    assert stage in ("detect2d", "segment") or any(knob.startswith(k) for k in knobs_of(described))


@pytest.mark.parametrize(
    ("knob", "stage", "place"),
    [(*read, "mine") for read in READ_BY]
    + [("labels.frames_file", "fuse", place) for place in ("./mine", "data/../mine", "ABSOLUTE")],
)
def test_content_decides_whether_work_is_taken_up(
    named: Path, knob: str, stage: str, place: str
) -> None:
    path = named / "mine"
    write_params({knob: place.replace("ABSOLUTE", str(path))})
    before, times = stage_digest(stage), path.stat()
    path.write_text("new")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert path.stat().st_mtime_ns == times.st_mtime_ns
    assert stage_digest(stage) != before
    path.write_text("old")
    os.utime(path, ns=(0, 0))
    assert stage_digest(stage) == before


@pytest.mark.parametrize("knob", ["pretrain.init_checkpoint", "import_labels.file"])
def test_content_of_a_folder_counts(named: Path, knob: str) -> None:
    (named / "folder").mkdir()
    (named / "folder" / "part").write_text("old")
    write_params({knob: "folder"})
    before = stage_digest(KNOBS[knob][0])
    (named / "folder" / "part").write_text("new")
    assert stage_digest(KNOBS[knob][0]) != before


def test_a_file_among_outputs_of_other_stages_counts_by_size_and_time(named: Path) -> None:
    (named / "data/index").mkdir()
    (named / layout.CARD).write_text("{}")
    before = stage_digest("lift")
    os.utime(named / layout.CARD, ns=(0, 0))
    assert stage_digest("lift") != before


INDEX_FILES: list[tuple[str, pa.Table | bytes, str]] = [
    ("empty", b"", "not a readable Parquet file"),
    ("cut", b"PAR1\x15\x04", "not a readable Parquet file"),
    ("no paths", pa.table({"sample_token": ["f0"]}), "column 'path' is missing"),
    ("paths of numbers", pa.table({"path": [7]}), "column 'path' holds something else"),
    ("a null", pa.table({"path": ["a", None]}), "column 'path' holds something else"),
]


@pytest.mark.parametrize(
    ("content", "words"), [row[1:] for row in INDEX_FILES], ids=[row[0] for row in INDEX_FILES]
)
def test_a_broken_index_of_files_that_lie_elsewhere(
    named: Path, tmp_path: Path, content: pa.Table | bytes, words: str
) -> None:
    write_params(
        {"dataset.name": "nuscenes", "dataset.root": str(tmp_path), "segment.backend": "box",
         "detect2d.backend": "owlv2"},
    )  # fmt: skip
    layout.SWEEPS.mkdir(parents=True)
    layout.CARD.write_text('{"embedded": false}')
    table = layout.SWEEPS / "s.parquet"
    if isinstance(content, bytes):
        table.write_bytes(content)
    else:
        pq.write_table(content, table)
    refuses(lambda: stage_digest("sam3d"), f"{table}: ", words, "`dvc repro download`")


def test_a_stage_that_nobody_describes(named: Path) -> None:
    refuses(lambda: stage_digest("fusion"), "dvc.yaml: describes no stage fusion", "with Git")


@pytest.mark.parametrize(
    ("stage", "file"),
    [("detect2d", "front.jpg"), ("segment", "front.jpg"), ("lift", "sweep.bin"),
     ("sam3d", "sweep.bin"), ("finetune", "sweep.bin"), ("predict@finetune", "sweep.bin")],
)  # fmt: skip
def test_sensor_files_that_lie_elsewhere_count(
    named: Path, tmp_path_factory: pytest.TempPathFactory, stage: str, file: str
) -> None:
    root = tmp_path_factory.mktemp("elsewhere")
    for name in ("front.jpg", "sweep.bin"):
        (root / name).write_bytes(b"old")
    lidar = LidarFormat(
        file="binary", dtype="float32", columns=("x", "y", "z"), full_intensity=255.0
    )
    card = DataCard(name="nuscenes", embedded=False, scorer="nuscenes", lidar=lidar,
                    images=ImageFormat(model="pinhole"))  # fmt: skip
    card.write(layout.CARD)
    CAMERAS.write(layout.CAMERAS / "s.parquet")
    Sweeps(["f0"], [0], ["sweep.bin"], [0.0], [POSE]).write(layout.SWEEPS / "s.parquet")
    write_params(
        {"dataset.name": "nuscenes", "dataset.root": str(root), "segment.backend": "box",
         "detect2d.backend": "owlv2"},
    )  # fmt: skip
    before = stage_digest(stage)
    assert stage_digest(stage) == before
    (root / file).write_bytes(b"another size")
    changed = stage_digest(stage)
    assert changed != before
    (root / file).unlink()
    assert stage_digest(stage) not in (before, changed)
