"""Unreadable images cost themselves, up to a share, and are looked at again."""

from collections.abc import Callable
from pathlib import Path

import pytest

from cm3d.errors import InputError
from cm3d.execution.scenes import write_noted_tables
from cm3d.params import Execution
from cm3d.tables import Boxes2D
from cm3d.tables.noted import UNREADABLE, Noted

OUT = Path("data/boxes2d")
SIZES = {"b": 10, "a": 10, "c": 20}


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
    left_out = write_noted_tables("detect2d", OUT, maker([], a=1, b=2), SIZES, execution)
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
    write_noted_tables("detect2d", OUT, maker([], b=7), SIZES, patient)
    assert (
        "left out 7 unreadable images: b0.jpg, b1.jpg, b2.jpg, b3.jpg, b4.jpg, ...\n"
        in capsys.readouterr().out
    )


def test_the_limit_is_a_share_of_the_whole_stage(workspace: Path, execution: Execution) -> None:
    calls: list[str] = []
    write_noted_tables("detect2d", OUT, maker(calls, b=4), SIZES, execution)
    (workspace / "code.py").write_text("changed\n")
    calls.clear()
    with pytest.raises(InputError) as caught:
        write_noted_tables("detect2d", OUT, maker(calls, b=2, a=3), SIZES, execution)
    assert calls == ["b", "a"], "the third scene cannot change it"
    assert "execution.max_unreadable: 5 of 40 images (12.50%)" in str(caught.value)
    assert "10.00%" in str(caught.value)
    assert str(caught.value).endswith("the first: b0.jpg")
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("workspace")
def test_a_share_of_exactly_the_limit_may_be(execution: Execution) -> None:
    exact = execution.model_copy(update={"max_unreadable": 0.29})
    assert 0.29 * 100 < 29, "so a product would refuse it"
    write_noted_tables("detect2d", OUT, maker([], a=29), {"a": 100}, exact)


def test_restored_images_are_found_by_the_next_run(
    workspace: Path, execution: Execution, capsys: pytest.CaptureFixture[str]
) -> None:
    calls: list[str] = []
    with pytest.raises(InputError, match="max_unreadable"):
        write_noted_tables("detect2d", OUT, maker(calls, a=9), SIZES, execution)
    assert calls == ["b", "a"]
    left_out = write_noted_tables("detect2d", OUT, maker(calls), SIZES, execution)
    assert calls == ["b", "a", "a", "c"]
    assert left_out == {"strange words": ("tram",) * 3}, "of the scene before as well"
    assert "note: left out 3 strange words" in capsys.readouterr().out
    assert list((workspace / ".cache" / "resume").iterdir()) == []


@pytest.mark.usefixtures("workspace")
def test_scenes_made_again_count_their_images_once(execution: Execution) -> None:
    calls: list[str] = []
    with pytest.raises(InputError, match="c: broken"):
        write_noted_tables("detect2d", OUT, maker(calls, fails="c", b=4), SIZES, execution)
    write_noted_tables("detect2d", OUT, maker(calls, b=4), SIZES, execution)
    assert calls == ["b", "a", "c", "b", "c"]


def test_finished_scenes_count_as_done_from_the_start(
    workspace: Path, execution: Execution, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(InputError):
        write_noted_tables("detect2d", OUT, maker([], fails="c"), SIZES, execution)
    assert "20/40" in capsys.readouterr().err
    write_noted_tables("detect2d", OUT, maker([]), SIZES, execution)
    bar = capsys.readouterr().err.split("\r")
    assert "20/40" in bar[1]
    assert "40/40" in bar[-1]
    assert "image/s" in bar[-1]
