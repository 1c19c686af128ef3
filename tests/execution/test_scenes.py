"""Scene by scene, by any engine; unreadable images cost themselves, and are looked at again."""

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from cm3d.errors import InputError
from cm3d.execution.publication import publication
from cm3d.execution.scenes import (
    UnfinishedTables,
    map_scenes,
    refuse_too_many,
    say_what_was_left_out,
    write_noted_tables,
    write_scene_tables,
)
from cm3d.params import Execution
from cm3d.tables import Boxes2D
from cm3d.tables.noted import UNREADABLE, LeftOut, Noted
from cm3d.tables.table import Table

OUT = Path("data/boxes2d")
SIZES = {"b": 10, "a": 10, "c": 20}
BOXES = Boxes2D(["t"], [1], ["car"], [0.5], [[0, 0, 1, 1]])


def boxes_of(scene: str, calls: list[str], fails: set[str]) -> Boxes2D:
    calls.append(scene)
    if scene in fails:
        raise InputError(f"{scene}: broken")
    return Boxes2D([scene], [len(scene)], ["car"], [0.5], [[0, 0, 1, 1]])


def shout(scene: str) -> str:
    return scene.upper()


@pytest.mark.parametrize(("engine", "workers"), [("serial", 3), ("processes", 1), ("processes", 3)])
def test_results_come_in_the_order_of_the_scenes(
    execution: Execution, engine: str, workers: int
) -> None:
    chosen = execution.model_copy(update={"engine": engine, "workers": workers})
    # only a function of an importable module can be sent to another process
    done = map_scenes(os.path.basename, ["x/b", "x/a", "x/c"], chosen, "names")
    assert list(done.items()) == [("x/b", "b"), ("x/a", "a"), ("x/c", "c")]


@pytest.mark.parametrize("engine", ["serial", "processes", "ray"])
def test_no_scenes_is_no_error(execution: Execution, engine: str) -> None:
    chosen = execution.model_copy(update={"engine": engine})
    assert map_scenes(shout, [], chosen, "nothing") == {}


def test_interrupted_work_goes_on_where_it_stopped(workspace: Path, execution: Execution) -> None:
    calls: list[str] = []
    out = workspace / "data" / "boxes2d"
    make = partial(boxes_of, calls=calls, fails={"b"})
    with pytest.raises(InputError, match="b: broken"):
        publish_tables(out, make, execution)
    assert not out.exists()
    publish_tables(out, partial(make, fails=set()), execution)
    assert calls == ["a", "b", "b"]
    assert sorted(p.name for p in out.iterdir()) == ["a.parquet", "b.parquet"]
    assert list((workspace / ".cache" / "resume").iterdir()) == []


@pytest.mark.parametrize(("file", "text"), [("code.py", "1\n"), ("params.yaml", "seed: 1\n")])
def test_changed_code_or_parameters_start_afresh(
    workspace: Path, execution: Execution, file: str, text: str
) -> None:
    calls: list[str] = []
    out = workspace / "data" / "boxes2d"
    make = partial(boxes_of, calls=calls, fails={"b"})
    with pytest.raises(InputError):
        publish_tables(out, make, execution)
    (workspace / file).write_text(text)
    publish_tables(out, partial(make, fails=set()), execution)
    assert calls == ["a", "b", "a", "b"]


def test_unwritable_cache_is_named(workspace: Path, execution: Execution) -> None:
    (workspace / ".cache").write_text("a file where a folder should be")
    with pytest.raises(InputError, match=r"\.cache.*cannot be written"):
        publish_tables(workspace / "out", shout, execution)  # type: ignore[arg-type]


def test_workers_share_the_imports_of_the_stage(
    tmp_path: Path, project: Path, execution: Execution
) -> None:
    """One import in the stage's own process and one in the fork server, for any worker."""
    (tmp_path / "needed.py").write_text(
        "import os\nwith open('importers', 'a') as file:\n    print(os.getpid(), file=file)\n"
    )
    chosen = {"engine": "processes", "workers": 3}
    (tmp_path / "stage.py").write_text(
        "import needed\n"
        "from cm3d.execution.scenes import map_scenes\n"
        "from cm3d.params import Execution\n"
        "if __name__ == '__main__':\n"
        f"    execution = Execution(**{execution.model_dump() | chosen})\n"
        "    print(map_scenes(len, ['a', 'bb', 'ccc'], execution, 'test'))\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "stage"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{project / 'src'}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "{'a': 1, 'bb': 2, 'ccc': 3}\n"
    assert "Warning" not in done.stderr
    assert len((tmp_path / "importers").read_text().split()) == 2


def publish_tables(out: Path, make: Callable[[str], Table], execution: Execution) -> None:
    with publication("detect2d") as made:
        write_scene_tables("detect2d", made.folder(out), make, ["a", "b"], execution)


def publish_noted(make: Callable[[str], Noted[Boxes2D]], *arguments: Any, **named: Any) -> LeftOut:
    with publication("detect2d") as made:
        return write_noted_tables("detect2d", made.folder(OUT), make, *arguments, **named)


def maker(calls: list[str], fails: str = "", **unreadable: int) -> Callable[[str], Noted[Boxes2D]]:
    """A detector that cannot read so many images of a scene, and finds strange words."""

    def make(scene: str) -> Noted[Boxes2D]:
        calls.append(scene)
        if scene == fails:
            raise InputError(f"{scene}: broken")
        images = tuple(f"{scene}{number}.jpg" for number in range(unreadable.get(scene, 0)))
        left_out = {UNREADABLE: images} if images else {}
        return Noted(Boxes2D.empty(), {**left_out, "strange words": ("tram",)})

    return make


@pytest.mark.usefixtures("workspace")
def test_what_was_left_out_is_named_in_the_order_of_scenes(
    execution: Execution, capsys: pytest.CaptureFixture[str]
) -> None:
    left_out = publish_noted(maker([], a=1, b=2), SIZES, execution)
    assert left_out == {
        UNREADABLE: ("b0.jpg", "b1.jpg", "a0.jpg"),
        "strange words": ("tram",) * 3,
    }
    assert sorted(path.name for path in OUT.iterdir()) == ["a.parquet", "b.parquet", "c.parquet"]
    assert capsys.readouterr().out == (
        "note: left out 3 unreadable images: b0.jpg, b1.jpg, a0.jpg\n"
        "note: left out 3 strange words: tram\n"
    )


@pytest.mark.usefixtures("workspace")
def test_only_the_first_few_are_named(
    execution: Execution, capsys: pytest.CaptureFixture[str]
) -> None:
    patient = execution.model_copy(update={"max_unreadable": 1.0})
    publish_noted(maker([], b=7), SIZES, patient)
    assert (
        "left out 7 unreadable images: b0.jpg, b1.jpg, b2.jpg, b3.jpg, b4.jpg, ...\n"
        in capsys.readouterr().out
    )


SPLITS = {"b": "train", "a": "train", "c": "val"}


@pytest.mark.usefixtures("workspace")
@pytest.mark.parametrize(
    ("unreadable", "blank"),
    [
        ({"c": 20}, ["20 images of split val"]),
        ({"b": 10, "a": 10}, ["20 images of split train"]),
        (SIZES, ["20 images of split train", "20 images of split val"]),
        ({"c": 19, "a": 10}, []),
        ({}, []),
    ],
)
def test_a_split_of_unreadable_images_is_said(
    unreadable: dict[str, int],
    blank: list[str],
    execution: Execution,
    capsys: pytest.CaptureFixture[str],
) -> None:
    patient = execution.model_copy(update={"max_unreadable": 1.0})
    publish_noted(maker([], **unreadable), SIZES, patient, splits=SPLITS)
    said = [line for line in capsys.readouterr().out.splitlines() if "none of the" in line]
    assert len(said) == len(blank)
    for line, words in zip(said, blank, strict=True):
        assert line.startswith(f"note: detect2d: none of the {words} can be read")


def test_the_limit_is_a_share_of_the_whole_stage(workspace: Path, execution: Execution) -> None:
    calls: list[str] = []
    publish_noted(maker(calls, b=4), SIZES, execution)
    (workspace / "code.py").write_text("changed\n")
    calls.clear()
    with pytest.raises(InputError) as caught:
        publish_noted(maker(calls, b=2, a=3), SIZES, execution)
    assert calls == ["b", "a"], "the third scene cannot change it"
    assert "execution.max_unreadable: 5 of 40 images (12.50%)" in str(caught.value)
    assert "10.00%" in str(caught.value)
    assert str(caught.value).endswith("the first: b0.jpg")
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("workspace")
def test_a_share_of_exactly_the_limit_may_be(execution: Execution) -> None:
    exact = execution.model_copy(update={"max_unreadable": 0.29})
    assert 0.29 * 100 < 29, "so a product would refuse it"
    publish_noted(maker([], a=29), {"a": 100}, exact)


def test_restored_images_are_found_by_the_next_run(
    workspace: Path, execution: Execution, capsys: pytest.CaptureFixture[str]
) -> None:
    calls: list[str] = []
    with pytest.raises(InputError, match="max_unreadable"):
        publish_noted(maker(calls, a=9), SIZES, execution)
    assert calls == ["b", "a"]
    left_out = publish_noted(maker(calls), SIZES, execution)
    assert calls == ["b", "a", "a", "c"]
    assert left_out == {"strange words": ("tram",) * 3}, "of the scene before as well"
    assert "note: left out 3 strange words" in capsys.readouterr().out
    assert list((workspace / ".cache" / "resume").iterdir()) == []


@pytest.mark.usefixtures("workspace")
def test_scenes_made_again_count_their_images_once(execution: Execution) -> None:
    calls: list[str] = []
    with pytest.raises(InputError, match="c: broken"):
        publish_noted(maker(calls, fails="c", b=4), SIZES, execution)
    publish_noted(maker(calls, b=4), SIZES, execution)
    assert calls == ["b", "a", "c", "b", "c"]


@pytest.mark.usefixtures("workspace")
def test_finished_scenes_count_as_done_from_the_start(
    execution: Execution, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(InputError):
        publish_noted(maker([], fails="c"), SIZES, execution)
    assert capsys.readouterr().err == (
        "detect2d: 40 images to do\ndetect2d: 20 of 40 images done, in 0 s\n"
    )
    publish_noted(maker([]), SIZES, execution)
    assert capsys.readouterr().err == (
        "detect2d: 40 images to do, 20 done before\ndetect2d: 40 of 40 images done, in 0 s\n"
    )


def test_nothing_is_said_where_nothing_was_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    say_what_was_left_out({"unreadable images": ()})
    assert capsys.readouterr().out == ""


def test_a_few_are_named_and_all_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    say_what_was_left_out({"odd words": ("a", "b", "b", *"cdefg")})
    assert capsys.readouterr().out == "note: left out 8 odd words: a, b, c, d, e, ...\n"


def test_too_many_name_the_first() -> None:
    refuse_too_many(["x.jpg"], images=100, limit=0.01)
    with pytest.raises(InputError, match=r"2 of 100 images \(2\.00%\).* the first: x\.jpg"):
        refuse_too_many(["x.jpg", "y.jpg"], images=100, limit=0.01)


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
    assert tables.finished("scene") == {"words": ("a",)}


def test_an_attempt_that_died_leaves_nothing_in_the_output(
    tables: UnfinishedTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(boxes: Boxes2D, path: Path) -> None:
        path.write_bytes(b"half a table")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Boxes2D, "write", die)
        tables.add(lambda _: Noted(BOXES), "scene")
    assert tables.finished("scene") is None
    assert not list(tables.folder.iterdir())
    tables.add(lambda _: Noted(BOXES), "scene")
    assert tables.finished("scene") == {}


def two_tables(scene: str, fails: set[str], calls: list[str]) -> Noted[Boxes2D]:
    boxes = boxes_of(scene, calls, fails)
    return Noted(boxes, beside=(boxes.replace(score=[0.25]),))


def test_further_tables_have_folders_of_their_own(workspace: Path, execution: Execution) -> None:
    """And an interruption loses none of the two that a scene has."""
    calls: list[str] = []
    out, beside = workspace / "data" / "boxes2d", workspace / "data" / "beside"
    for fails in ({"b"}, set[str]()):
        make = partial(two_tables, fails=fails, calls=calls)
        with pytest.raises(InputError) if fails else nullcontext():
            with publication("detect2d") as made:
                folders = made.folder(out), made.folder(beside)
                write_noted_tables(
                    "detect2d", folders[0], make, {"a": 1, "b": 1}, execution, beside=folders[1:]
                )
        assert out.exists() == beside.exists() == (not fails)
    assert calls == ["a", "b", "b"]
    for folder, score in ((out, 0.5), (beside, 0.25)):
        assert sorted(path.name for path in folder.iterdir()) == ["a.parquet", "b.parquet"]
        assert Boxes2D.read(folder / "b.parquet").score.tolist() == [score]
    assert list((workspace / ".cache" / "resume").iterdir()) == []


def test_a_scene_that_lacks_one_of_its_tables_is_made_again(tmp_path: Path) -> None:
    calls: list[str] = []
    for folder in ("out", "beside"):
        (tmp_path / folder).mkdir()
    tables = UnfinishedTables(tmp_path / "out", (tmp_path / "beside",))
    make = partial(two_tables, fails=set(), calls=calls)
    tables.add(make, "a")
    assert tables.finished("a") is not None
    (tmp_path / "beside" / "a.parquet").unlink()
    assert tables.finished("a") is None
    tables.add(make, "a")
    assert tables.finished("a") is not None and calls == ["a", "a"]


def test_only_scenes_that_lack_images_are_dropped(tables: UnfinishedTables) -> None:
    tables.add(lambda _: Noted(BOXES, {UNREADABLE: ("a.jpg",)}), "lacking")
    tables.add(lambda _: Noted(BOXES, {"words": ("tram",)}), "whole")
    tables.drop_unreadable(["lacking", "whole", "not begun"])
    assert tables.finished("lacking") is None
    assert tables.finished("whole") is not None
