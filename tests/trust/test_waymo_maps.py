"""Waymo's v1 files that are damaged, or not those of the segments: a line each, nothing written."""

import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from cm3d.datasets.waymo import open_dataset
from cm3d.params import Params, load_params
from cm3d.taxonomy import Taxonomy, load_taxonomy
from tests.tiny_waymo import TRAIN, VAL, write_waymo
from tests.trust.refusal import content_of, refuses
from tests.waymo_v1 import Lane, frame, lane, message, record, write_v1

Break = Callable[[Path], None]

LINE = [(0.0, 0.0, 0.0), (1.0, 0.0, 0.0)]
FILE = f"segment-{TRAIN}_with_camera_labels.tfrecord"
AGAIN = "fetch it again (Waymo v1)"


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("sound-waymo-v1")
    write_waymo(root)
    for name in (TRAIN, VAL):
        write_v1(root, name, [Lane(1, LINE)], (0, 0, 0))
    return root


@pytest.fixture
def root(sound: Path, tmp_path: Path) -> Path:
    shutil.copytree(sound, tmp_path / "waymo")
    return tmp_path / "waymo"


@pytest.fixture
def params(root: Path, monkeypatch: pytest.MonkeyPatch) -> Params:
    monkeypatch.setenv("WAYMO_ROOT", str(root))
    given = load_params()
    execution = given.execution.model_copy(update={"engine": "serial"})
    dataset = given.dataset.model_copy(update={"name": "waymo"})
    return given.model_copy(update={"dataset": dataset, "execution": execution})


@pytest.fixture(scope="session")
def waymo(project: Path) -> Taxonomy:
    return load_taxonomy("waymo", project / "taxonomies")


def path_of(root: Path) -> Path:
    return root / "v1" / "training" / FILE


def changed(change: Callable[[bytes], bytes]) -> Break:
    """Other bytes of the file."""

    def damage(root: Path) -> None:
        path_of(root).write_bytes(change(path_of(root).read_bytes()))

    return damage


def flipped(at: int) -> Break:
    """One bit lost."""
    return changed(lambda c: c[:at] + bytes([c[at] ^ 4]) + c[at + 1 :])


def with_frame(content: bytes) -> Break:
    """A record that is whole, of a frame that is not."""
    return changed(lambda _: record(content))


def with_lanes(*lanes: Lane) -> Break:
    return with_frame(frame(TRAIN, lanes))


def a_folder(root: Path) -> None:
    path_of(root).unlink()
    path_of(root).mkdir()


def of_other_segments(root: Path) -> None:
    for path in (root / "v1" / "training").iterdir():
        path.rename(path.with_name(f"segment-other-{path.name[8:]}"))


def a_link_to_nothing(root: Path) -> None:
    shutil.rmtree(root / "v1")
    (root / "v1").symlink_to(root / "nothing")


def twice(root: Path) -> None:
    shutil.copytree(root / "v1" / "training", root / "v1" / "validation")


WHOLE = frame(TRAIN, [Lane(1, LINE)])
FAR = [(0.0, 0.0, 0.0), (1e9, 0.0, 0.0)]
LONG = [(0.0, 0.0, 0.0), (9e7, 0.0, 0.0)]
NAN = [(0.0, 0.0, 0.0), (float("nan"), 0.0, 0.0)]
INF = [(0.0, 0.0, 0.0), (float("inf"), 0.0, 0.0), (float("-inf"), 0.0, 0.0)]
NO_DOUBLE = b"\x08\x01"  # x as a whole number

CASES: dict[str, tuple[Break, tuple[str, ...]]] = {
    "an empty file": (changed(lambda _: b""), (FILE, "cut short", AGAIN)),
    "cut within the header": (changed(lambda c: c[:11]), (FILE, "cut short", AGAIN)),
    "cut within the frame": (
        changed(lambda c: c[:500]),
        (FILE, "cut short within its first", AGAIN),
    ),
    "no TFRecord": (changed(lambda c: b"\x1f\x8b" + c), (FILE, "no TFRecord file", AGAIN)),
    "a length of 2^63": (
        changed(lambda c: struct.pack("<Q", 2**63) + c[8:]),
        (FILE, "no TFRecord file, or damaged", AGAIN),
    ),
    "a bit of the length": (flipped(1), (FILE, "no TFRecord file, or damaged", AGAIN)),
    "a bit of the frame": (flipped(3050), (FILE, "another checksum", AGAIN)),
    "blocks lost": (changed(lambda c: c[:40] + bytes(600) + c[640:]), (FILE, "checksum", AGAIN)),
    "a folder for a file": (a_folder, (FILE, "is a folder", AGAIN)),
    "a file of another segment": (
        with_frame(frame(VAL, [Lane(1, LINE)])),
        (FILE, f"of segment '{VAL}'", "name it after its segment"),
    ),
    "no frame": (with_frame(b"\x07" * 50), (FILE, "first frame is none", AGAIN)),
    "an empty frame": (with_frame(b""), (FILE, "of segment ''", AGAIN)),
    "a frame cut off": (with_frame(WHOLE[:-5]), (FILE, "is none (it is cut off", AGAIN)),
    "a lane cut off": (
        with_frame(WHOLE + message(10, b"\x08\x01\x1a\x09\x10\x02")),
        (FILE, "is none (it is cut off", AGAIN),
    ),
    "a lane that is a number": (
        with_frame(WHOLE + message(10, b"\x18\x01")),
        (FILE, "field 3 is stored in another way", AGAIN),
    ),
    "a point that is no double": (
        with_frame(WHOLE + message(10, message(3, b"\x10\x02" + message(8, NO_DOUBLE)))),
        (FILE, "field 1 is stored in another way", AGAIN),
    ),
    "a name that is no text": (
        with_frame(message(1, message(1, b"\xff\xfe")) + WHOLE[len(TRAIN) + 4 :]),
        (FILE, "a text is not UTF-8", AGAIN),
    ),
    "a lane twice": (
        with_frame(WHOLE + lane(Lane(1, LINE))),
        (FILE, "lane 1 stands there 2 times", AGAIN),
    ),
    "a point off the Earth": (with_lanes(Lane(1, FAR)), (FILE, "lane 1 has a point", AGAIN)),
    "a point that is no number": (with_lanes(Lane(1, NAN)), (FILE, "lane 1 has a point", AGAIN)),
    "points without end": (with_lanes(Lane(1, INF)), (FILE, "lane 1 has a point", AGAIN)),
    "a lane round the Earth": (
        with_lanes(Lane(1, LONG)),
        (FILE, "lane 1: 9e+07 m", "dataset.lane_step_m"),
    ),
    "two files of a segment": (twice, (FILE, "lies in", "too; take one away")),
    "files of other segments": (
        of_other_segments,
        ("v1: no segment-NAME.tfrecord of any of 2 segments", "take the folder away"),
    ),
    "a link to nothing": (a_link_to_nothing, ("v1: no segment-NAME.tfrecord", "put")),
}


@pytest.mark.parametrize("name", CASES)
def test_a_damaged_map(
    name: str, root: Path, params: Params, tmp_path: Path, waymo: Taxonomy
) -> None:
    damage, words = CASES[name]
    damage(root)
    refuses(lambda: open_dataset(params, waymo, tmp_path / "raw"), *words)
    assert content_of(tmp_path / "raw") == content_of(root / "cm3d") == {}


def test_sound_maps(root: Path, params: Params, tmp_path: Path, waymo: Taxonomy) -> None:
    """What lies behind the first frame may be cut off; the manifest tells files apart."""
    path_of(root).write_bytes(path_of(root).read_bytes()[:-100])
    data = open_dataset(params, waymo, tmp_path / "raw")
    assert data.notes([]) == []
    assert {name: data.location(name) for name in data.segments} == {TRAIN: TRAIN, VAL: VAL}
    before = content_of(tmp_path / "raw")
    shutil.copyfile(path_of(root).with_name(FILE.replace(TRAIN, VAL)), path_of(root))
    refuses(lambda: open_dataset(params, waymo, tmp_path / "raw"), FILE, VAL)
    write_v1(root, TRAIN, [Lane(2, LINE)], (0, 0, 0))
    open_dataset(params, waymo, tmp_path / "raw")
    assert content_of(tmp_path / "raw").keys() == before.keys()
    assert content_of(tmp_path / "raw") != before


def test_a_segment_without_a_file_is_noted(
    root: Path, params: Params, tmp_path: Path, waymo: Taxonomy
) -> None:
    path_of(root).unlink()
    data = open_dataset(params, waymo, tmp_path / "raw")
    (note,) = data.notes([])
    assert note.startswith("1 of 2 segments have no file with lanes in v1")
    assert data.location(TRAIN) == ""


def test_without_files_the_manifest_is_as_before(
    root: Path, params: Params, tmp_path: Path, waymo: Taxonomy
) -> None:
    shutil.rmtree(root / "v1")
    data = open_dataset(params, waymo, tmp_path / "raw")
    assert data.notes([]) == []
    assert all(b'"v1"' not in content for content in content_of(tmp_path / "raw").values())
