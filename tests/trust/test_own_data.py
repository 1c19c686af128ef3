"""A user's own data set whose code or files are wrong: each refusal names the package and place."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cm3d.datasets.guest import open_dataset
from cm3d.params import load_params
from cm3d.taxonomy import Taxonomy
from stages.download import write_index
from tests.datasets.conftest import own_data
from tests.own_data import example
from tests.trust.refusal import refuses

__all__ = ["own_data"]

Index = Callable[[], dict[str, int]]

PACKAGE = "packages/mine/__init__.py"
RETURN = "return Drives(root, CARD, params.dataset.past_sweeps, splits, keyframes)"
SPLITS = '{name: drive["split"] for name, drive in drives.items()}'


@pytest.fixture
def index(
    own_data: Path, tmp_path: Path, taxonomy: Taxonomy, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Index]:
    """Indexes the data set of docs/own_data.md, as `download` does."""
    monkeypatch.setenv("MINE_ROOT", str(own_data))
    params = load_params()
    dataset = {"name": "mine", "version": "v1", "past_sweeps": 2}
    params = params.model_copy(update={"dataset": params.dataset.model_copy(update=dataset)})

    def run() -> dict[str, int]:
        sys.modules.pop("cm3d.datasets.mine", None)
        return write_index(open_dataset(params, taxonomy, tmp_path / "raw"), tmp_path / "index", 1)

    yield run
    sys.modules.pop("cm3d.datasets.mine", None)


def rewrite(folder: Path, old: str, new: str) -> None:
    """Change the package's code."""
    assert old in example()
    (folder / PACKAGE).write_text(example().replace(old, new))


def returning(members: str) -> str:
    """What returns an object with other members than `Drives`."""
    return f"whole = {RETURN.removeprefix('return ')}\n    return Changed(whole, {members})"


CHANGED = """

class Changed:
    def __init__(self, whole, **members):
        for name in ("card", "root", "scenes", "scene", "lanes", "map_areas", "notes"):
            setattr(self, name, members.get(name, getattr(whole, name)))
"""

# What is replaced by what in the example's code, and the words that must be told.
CODE: list[tuple[str, str, str, tuple[str, ...]]] = [
    ("no function", "def open_dataset", "def opened", ("has no attribute 'open_dataset'",)),
    ("other arguments", "(params, taxonomy, raw)", "(params)", ("takes 1 positional argument",)),
    ("a slip", 'rig["cameras"]', 'rig["cams"]', ("KeyError: 'cams'", f"{PACKAGE}, line")),
    ("no Python", RETURN, "return (", ("SyntaxError", f"{PACKAGE}, line")),
    ("a package that is away", "import SE3", "import SE3, SE4", ("SE4", "line")),
    ("no card", "root, CARD, ", "root, None, ", ("card is of type NoneType", "DataCard", PACKAGE)),
    ("a card of nobody", '"float32"', '"int8"', ("ValidationError", "dtype", PACKAGE)),
    ("a root of text", "Drives(root", "Drives(str(root)", ("root is of type str", "Path")),
    ("nothing", RETURN, "return None", ("returns a NoneType without card", PACKAGE)),
    ("no manifests", "write_manifests(raw", "print(raw", ("no folder v1 in data/raw", PACKAGE)),
    ("a drive of no split", SPLITS, '{"drive_1": "train"}', ("drive 'drive_2'", "split")),
    ("a split of no drive", SPLITS, f'{SPLITS} | {{"x": "val"}}', ("drive 'x'", "keyframes")),
    (
        "classes of its own",
        'taxonomy.category_classes.get(box.pop("category"))',
        'box.pop("category")',
        ("its scene('drive_1').ground_truth: row 0: unknown class", "taxonomy nuscenes", PACKAGE),
    ),
    ("no pose", "global_SE3_ego=ego", "global_SE3_ego=None", ("scene drive_1", "as_pose")),
    ("past sweeps of none", "params.dataset.past_sweeps", "None", ("scene drive_1", "TypeError")),
    ("scenes as a list", RETURN, returning("scenes=lambda: ['drive_1']"),
     ("scenes() is of type list, expected Mapping",)),
    ("scenes that run dry", RETURN, returning("scenes=lambda: {'train': iter(['drive_1'])}"),
     ("scenes()['train'] is of type list_iterator, expected list",)),
    ("scenes of none", RETURN, returning("scenes=lambda: {'train': None}"), ("type NoneType",)),
    ("no scene", RETURN, returning("scene=lambda name: None"),
     ("scene drive_1", "NoneType, expected IndexedScene")),
    ("tables mixed up", RETURN,
     returning("scene=lambda n: (s := whole.scene(n)) and type(s)(s.sweeps, s.frames, s.cameras)"),
     ("scene('drive_1').frames is of type Sweeps, expected Frames",)),
    ("boxes for ground truth", RETURN,
     returning("scene=lambda n: (s := whole.scene(n)) and type(s)(s.frames, s.sweeps, s.cameras, "
               "s.bicycle_racks)"),
     ("ground_truth is of type Boxes3D, expected GroundTruth",)),
    ("a scene of the other split", RETURN,
     returning("scenes=lambda: {'train': ['drive_1', 'drive_2']}"),
     ("scene drive_2: its keyframes are of split 'val'", "'train'")),
    ("sweeps without age", RETURN,
     returning("scene=lambda n: (s := whole.scene(n)) and type(s)(s.frames, s.sweeps.replace("
               "time_lag_s=s.sweeps.time_lag_s * 0), s.cameras)"),
     ("scene drive_1, keyframe drive_1-1, sweep 1: its time_lag_s",)),
    ("a keyframe of age", RETURN,
     returning("scene=lambda n: (s := whole.scene(n)) and type(s)(s.frames, s.sweeps.replace("
               "time_lag_s=s.sweeps.time_lag_s + 0.05), s.cameras)"),
     ("scene drive_1, keyframe drive_1-0, sweep 0: its time_lag_s",)),
    ("map areas of none", RETURN,
     returning("map_areas=lambda place: None, scene=lambda n: (s := whole.scene(n)) and type(s)("
               "s.frames.replace(location=['town'] * len(s.frames)), s.sweeps, s.cameras)"),
     ("map_areas('town') is of type NoneType, expected MapAreas",)),
    ("notes of none", RETURN, returning("notes=lambda places: None"), ("notes() is of type None",)),
    ("a text for notes", RETURN, returning("notes=lambda places: 'a'"), ("notes() is of type",)),
    ("numbers for notes", RETURN, returning("notes=lambda places: [7]"), ("a note is of type",)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "words"), [row[1:] for row in CODE], ids=[row[0] for row in CODE]
)
def test_code(old: str, new: str, words: tuple[str, ...], index: Index, tmp_path: Path) -> None:
    rewrite(tmp_path, old, new + (CHANGED if "Changed" in new else ""))
    refuses(index, *words)


Change = Callable[[Any], object]


def first_frame(**fields: object) -> Change:
    return lambda drives: drives["drive_1"]["frames"][0].update(fields)


def first_box(**fields: object) -> Change:
    return lambda drives: drives["drive_1"]["frames"][0]["boxes"][0].update(fields)


def front(**fields: object) -> Change:
    return lambda rig: rig["cameras"]["front"].update(fields)


def matrix(fx: float, cx: float) -> list[list[float]]:
    return [[fx, 0, cx], [0, 100, 50], [0, 0, 1]]


DRIVES, RIG = "drives.json", "calibration.json"
FILES: list[tuple[str, str, Change, tuple[str, ...]]] = [
    ("boxes of null", DRIVES, first_frame(boxes=None), ("TypeError", f"{PACKAGE}, line")),
    ("frames without a time", DRIVES, lambda d: d["drive_1"]["frames"][0].pop("time_us"),
     ("KeyError: 'time_us'", f"{PACKAGE}, line")),
    ("a time of words", DRIVES, first_frame(time_us="now"),
     ("scene drive_1", "column 'timestamp_us', row 0: 'now' is no number; correct it")),
    ("a time beyond 64 bits", DRIVES, first_frame(time_us=2**70), ("'timestamp_us', row 0",)),
    ("a width of null", RIG, front(width_px=None), ("'width_px', row 0: None is no number",)),
    ("a velocity of three", DRIVES, first_box(velocity_mps=[1, 2, 3]),
     ("'velocity_mps', row 0: [1, 2, 3] is not 2 numbers; correct it",)),
    ("a box of further fields", DRIVES, first_box(colour="red"), ("'colour'", PACKAGE)),
    ("a category of a list", DRIVES, first_box(category=["car"]), ("unhashable", PACKAGE)),
    ("a split of a list", DRIVES, lambda d: d["drive_1"].update(split=["val"]), ("unhashable",)),
    ("cameras in a list", RIG, lambda rig: rig.update(cameras=[]), ("'items'", PACKAGE)),
    ("a share of the width", RIG, front(intrinsics_px=matrix(0.5, 0.5)),
     ("scene drive_1, keyframe drive_1-0, camera front", "intrinsics do not fit its width")),
    ("a centre elsewhere", RIG, front(intrinsics_px=matrix(100, 9000)), ("intrinsics do not fit",)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("file", "change", "words"), [row[1:] for row in FILES], ids=[row[0] for row in FILES]
)
def test_files(
    file: str, change: Change, words: tuple[str, ...], index: Index, own_data: Path
) -> None:
    content = json.loads((own_data / file).read_text())
    change(content)
    (own_data / file).write_text(json.dumps(content))
    refuses(index, *words)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("CARD = ", "CARD = CARD_OF_MINE = "),
        (RETURN, returning("notes=lambda places: ('one\\nline',)") + CHANGED),
        (RETURN, returning("scenes=lambda: {'train': ('drive_1',), 'val': ()}") + CHANGED),
    ],
    ids=["as it is", "notes in a tuple", "scenes in tuples"],
)
def test_passes(old: str, new: str, index: Index, tmp_path: Path) -> None:
    rewrite(tmp_path, old, new)
    assert index()["scenes"] in (1, 2)
