from pathlib import Path

import pytest

from cm3d.execution.unfinished import UnfinishedTables
from cm3d.tables import Boxes2D
from cm3d.tables.noted import UNREADABLE, Noted

BOXES = Boxes2D(["t"], [1], ["car"], [0.5], [[0, 0, 1, 1]])


@pytest.fixture
def tables(tmp_path: Path) -> UnfinishedTables:
    (tmp_path / "out").mkdir()
    return UnfinishedTables(tmp_path / "out")


def test_two_attempts_at_once_leave_one_whole_table(
    tables: UnfinishedTables, tmp_path: Path
) -> None:
    """As when a worker that was given up is still alive."""

    def make_while_another_does(scene: str) -> Noted[Boxes2D]:
        tables.add(lambda _: Noted(BOXES, {"words": ("b",)}), scene)
        return Noted(BOXES, {"words": ("a",)})

    tables.add(make_while_another_does, "scene")
    assert [path.name for path in tables.folder.iterdir()] == ["scene.parquet"]
    assert len(Boxes2D.read(tables.folder / "scene.parquet")) == 1
    assert [path.name for path in tables.notes.iterdir()] == ["scene.json"]
    assert tables.left_out("scene") == {"words": ("a",)}


def test_an_attempt_that_died_leaves_nothing_in_the_output(
    tables: UnfinishedTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(boxes: Boxes2D, path: Path) -> None:
        path.write_bytes(b"half a table")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Boxes2D, "write", die)
        tables.add(lambda _: Noted(BOXES), "scene")
    assert not tables.has("scene")
    assert not list(tables.folder.iterdir())
    tables.add(lambda _: Noted(BOXES), "scene")
    assert tables.has("scene")
    tables.remove_notes()
    assert not tables.notes.exists()


def test_only_scenes_that_lack_images_are_dropped(tables: UnfinishedTables) -> None:
    tables.add(lambda _: Noted(BOXES, {UNREADABLE: ("a.jpg",)}), "lacking")
    tables.add(lambda _: Noted(BOXES, {"words": ("tram",)}), "whole")
    tables.drop_unreadable(["lacking", "whole", "not begun"])
    assert not tables.has("lacking")
    assert tables.has("whole")
