"""The command `export`: what it refuses, in a line, with nothing written."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from cm3d.datasets.nuscenes import CARD
from cm3d.tables import Cameras, layout
from experiments.overrides import write_overrides
from stages.export import main
from tests.export.workspace import LABELS, boxes_of, truth_of, write_workspace
from tests.trust.refusal import content_of, refuses

VAL = "drive-val.parquet"
Break = Callable[[], object]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace, to be copied."""
    root, here = tmp_path_factory.mktemp("export"), Path.cwd()
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(name, root)
    shutil.copytree("taxonomies", root / "taxonomies")
    os.chdir(root)
    try:
        write_workspace()
    finally:
        os.chdir(here)
    return root


@pytest.fixture(autouse=True)
def workspace(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "workspace"
    shutil.copytree(made, root)
    monkeypatch.chdir(root)
    return root


def nothing() -> None:
    """The words alone are wrong."""


def classes(*names: str) -> Break:
    return lambda: boxes_of("first", names).write(LABELS / VAL)


def taxonomy(name: str) -> None:
    write_overrides(Path("params.yaml"), {"taxonomy": name})


def of_waymo(points: int) -> None:
    taxonomy("waymo")
    truth = truth_of("first").replace(class_name=["vehicle", "cyclist", "pedestrian"])
    truth.replace(num_lidar_points=[points] * 3).write(layout.GROUND_TRUTH / VAL)


def other_lidar() -> None:
    lidar = CARD.lidar.model_copy(update={"columns": ("x", "y", "z")})
    card = CARD.model_copy(update={"name": "sim", "embedded": True, "lidar": lidar})
    card.write(layout.CARD)


def strange_camera() -> None:
    cameras = Cameras.read(layout.CAMERAS / VAL)
    cameras.replace(channel=["../up"] * len(cameras)).write(layout.CAMERAS / VAL)


def scene_of_another_split() -> None:
    (layout.FRAMES / VAL).unlink()
    for folder in (layout.SWEEPS, layout.CAMERAS):
        (folder / VAL).unlink()


def file(text: str = "mine") -> Break:
    return lambda: Path("out").write_text(text)


def filled() -> None:
    Path("out").mkdir()
    Path("out/mine.txt").write_text("mine")


CASES: list[tuple[str, str, Break, tuple[str, ...]]] = [
    # what, words of the command, what is broken, words of the message
    ("no such format", "coco data/pseudo_labels out", nothing,
     ("format: invalid choice: 'coco'", "kitti", "--help")),
    ("a path as a format", "../x data/pseudo_labels out", nothing, ("invalid choice", "--help")),
    ("no folder", "kitti", nothing, ("folder, out", "--help")),
    ("no such split", "kitti data/pseudo_labels out --split test", nothing,
     ("--split: invalid choice: 'test'", "unlabelled")),
    ("a score that is none", "kitti data/pseudo_labels out --min-score high", nothing,
     ("--min-score", "'high'")),
    ("a score above 1", "kitti data/pseudo_labels out --min-score 30", nothing,
     ("--min-score", "30 is not in [0, 1]")),
    ("a score of NaN", "kitti data/pseudo_labels out --min-score nan", nothing,
     ("--min-score", "nan is not in [0, 1]")),
    ("made from radar", "nuscenes data/pseudo_labels out --made-from radar", nothing,
     ("--made-from: invalid choice: 'radar'", "lidar")),
    ("absent folder", "kitti data/nowhere out", nothing, ("data/nowhere: no tables; run",)),
    ("folder without tables", "kitti data/raw out", nothing, ("data/raw: no tables; run",)),
    ("file as a folder", "kitti params.yaml out", nothing, ("params.yaml: no tables; run",)),
    ("a scene without a table", "kitti data/pseudo_labels out", (LABELS / VAL).unlink,
     ("data/pseudo_labels/drive-val.parquet: missing", "dvc repro fuse")),
    ("tables of frames", "nuscenes data/index/frames out", nothing,
     ("data/index/frames/drive-val.parquet: column 'class_name' is missing",)),
    ("a table cut short", "nuscenes data/pseudo_labels out",
     lambda: (LABELS / VAL).write_bytes((LABELS / VAL).read_bytes()[:100]),
     ("drive-val.parquet: not a readable Parquet file", "dvc repro fuse")),
    ("no keyframe of the split", "kitti data/pseudo_labels out", scene_of_another_split,
     ("--split: the data set has no 'val' frames",)),
    ("no unlabelled keyframe", "kitti data/pseudo_labels out --split unlabelled",
     lambda: Path("labelled.json").write_text('["labelled", "unlabelled"]'),
     ("--split unlabelled: labels.frames_file leaves no such keyframe",)),
    ("out is a file", "kitti data/pseudo_labels out", file(), ("out: is there, and no folder",)),
    ("out is a link", "kitti data/pseudo_labels out", lambda: Path("out").symlink_to("nothing"),
     ("out: is there, and no folder",)),
    ("out is not empty", "kitti data/pseudo_labels out", filled,
     ("out: is not empty; name a new folder",)),
    ("out is the input", "kitti data/pseudo_labels data/pseudo_labels", nothing,
     ("data/pseudo_labels: is not empty",)),
    ("out below a file", "kitti data/pseudo_labels params.yaml/out", nothing,
     ("params.yaml", "a file lies where a folder belongs")),
    *((f"a class of no list, {name}", f"{name} data/pseudo_labels out",
       classes("car", "dragon", "bus"), ("drive-val.parquet: row 1", "unknown class 'dragon'"))
      for name in ("kitti", "mmdet3d", "nuscenes", "openpcdet", "waymo")),
    *((f"classes of another list, {name}", f"{name} data/pseudo_labels out",
       lambda: (taxonomy("waymo"), classes("pedestrian", "vehicle", "cyclist")()),
       ("drive-val.parquet: row 1: class 'vehicle'", f"{name} has no such class", "traffic_cone"))
      for name in ("mmdet3d", "nuscenes")),
    ("classes that are not Waymo's", "waymo data/pseudo_labels out", nothing,
     ("drive-val.parquet: row 0: class 'car'", "waymo has no such class", "another taxonomy")),
    ("points that nobody counted, Waymo", "waymo data/index/ground_truth out",
     lambda: of_waymo(-1), ("unknown number of LiDAR points",)),
    ("a camera that is no folder", "kitti data/pseudo_labels out", strange_camera,
     ("camera '../up' cannot name a folder", "rerun `download`")),
    ("no images listed, KITTI", "kitti data/pseudo_labels out", (layout.CAMERAS / VAL).unlink,
     ("cameras/drive-val.parquet: missing",)),
    *((f"LiDAR files of three numbers, {name}", f"{name} data/pseudo_labels out", other_lidar,
       ("dataset.json: ", "5 float32 a point; convert them")) for name in ("mmdet3d", "openpcdet")),
    *((f"no sweeps listed, {name}", f"{name} data/pseudo_labels out",
       (layout.SWEEPS / VAL).unlink, ("sweeps/drive-val.parquet: missing",))
      for name in ("mmdet3d", "openpcdet")),
    *((f"a LiDAR file is away, {name}", f"{name} data/pseudo_labels out",
       (layout.RAW / "samples/LIDAR_TOP/second.bin").unlink, ("second.bin: sweep is missing",))
      for name in ("mmdet3d", "openpcdet")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "spoil", "told"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_refused(
    words: str,
    spoil: Break,
    told: tuple[str, ...],
    workspace: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spoil()
    before, there = content_of(workspace), set(workspace.rglob("*"))
    monkeypatch.setattr("sys.argv", ["export", *words.split()])
    refuses(main, *told)
    assert content_of(workspace) == before
    assert set(workspace.rglob("*")) == there
