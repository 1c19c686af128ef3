from collections.abc import Generator
from dataclasses import dataclass
from io import StringIO

import pytest

from cm3d.execution.progress import Progress, counted, followed


@dataclass
class Clock:
    """Seconds that pass when they are told to."""

    now_s: float = 1000.0

    def __call__(self) -> float:
        return self.now_s


class Terminal(StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_log_has_a_line_at_the_start_one_a_minute_and_one_at_the_end() -> None:
    clock, log = Clock(), StringIO()
    with Progress("train", 1000, "frame", stream=log, clock=clock) as progress:
        for _ in range(13):
            clock.now_s += 20
            progress.add(50, "loss 0.5")
    # 150 frames a minute are 2.5 a second: 850 more take 340 s, 700 take 280 s, ...
    assert log.getvalue().splitlines() == [
        "train: 1000 frames to do",
        "train: 150 of 1000 frames, 2.5 a second, 6 min left, loss 0.5",
        "train: 300 of 1000 frames, 2.5 a second, 5 min left, loss 0.5",
        "train: 450 of 1000 frames, 2.5 a second, 4 min left, loss 0.5",
        "train: 600 of 1000 frames, 2.5 a second, 3 min left, loss 0.5",
        "train: 650 of 1000 frames done, in 4 min",
    ]


def test_what_was_done_before_adds_nothing_to_the_speed() -> None:
    clock, log = Clock(), StringIO()
    with Progress("lift", 100, "scene", done=60, stream=log, clock=clock) as progress:
        clock.now_s += 80
        progress.add(20)
    # 20 in 80 s, 20 more to do
    assert log.getvalue().splitlines() == [
        "lift: 100 scenes to do, 60 done before",
        "lift: 80 of 100 scenes, 0.25 a second, 80 s left",
        "lift: 80 of 100 scenes done, in 80 s",
    ]


def test_hours_are_said_as_such_and_one_is_singular() -> None:
    clock, log = Clock(), StringIO()
    with Progress("predict", 1, "frame", stream=log, clock=clock) as progress:
        clock.now_s += 60
        progress.add(0)
        clock.now_s += 3 * 3600 + 4 * 60
        progress.add()
    assert log.getvalue().splitlines() == [
        "predict: 1 frame to do",
        "predict: 0 of 1 frame, 0 a second, unknown time left",
        "predict: 1 of 1 frame, 9.01e-05 a second, 0 s left",
        "predict: 1 of 1 frame done, in 3 h 05 min",
    ]


def test_how_far_it_came_is_said_when_it_fails() -> None:
    log = StringIO()
    with (
        pytest.raises(ValueError, match="broken"),
        Progress("lift", 3, "scene", stream=log, clock=Clock()) as progress,
    ):
        progress.add()
        raise ValueError("broken")
    assert log.getvalue().splitlines()[-1] == "lift: 1 of 3 scenes done, in 0 s"


@pytest.mark.parametrize("stream", [StringIO, Terminal])
def test_quiet_says_nothing(stream: type[StringIO]) -> None:
    clock, log = Clock(), stream()
    with Progress("train", 2, "frame", quiet=True, stream=log, clock=clock) as progress:
        clock.now_s += 100
        progress.add()
    assert log.getvalue() == ""


def test_a_terminal_has_a_bar() -> None:
    terminal = Terminal()
    with Progress("train", 4, "frame", done=1, stream=terminal) as progress:
        progress.add(3, "loss 0.5")
    states = terminal.getvalue().split("\r")
    assert "train:  25%" in states[1]
    assert "1/4" in states[1]
    assert "train: 100%" in states[-1]
    assert "4/4" in states[-1]
    assert "loss 0.5" in states[-1]
    assert "to do" not in terminal.getvalue()


def test_followed_counts_an_item_once_the_next_is_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    items = followed("abc", "objects", 3, "frame")
    assert [next(items), next(items)] == ["a", "b"]
    items.close()  # type: ignore[attr-defined]
    assert capsys.readouterr().err.splitlines() == [
        "objects: 3 frames to do",
        "objects: 1 of 3 frames done, in 0 s",
    ]
    assert list(followed("abc", "objects", 3, "frame", quiet=True)) == ["a", "b", "c"]
    assert capsys.readouterr().err == ""


def test_counted_counts_what_scenes_stand_for(capsys: pytest.CaptureFixture[str]) -> None:
    closed = []

    def results() -> Generator[tuple[str, int], None, None]:
        try:
            yield from (("b", 1), ("c", 2))
        finally:
            closed.append(True)

    sizes = {"a": 10, "b": 20, "c": 30}
    assert list(counted(results(), "lift", sizes, "image", ["b", "c"])) == [("b", 1), ("c", 2)]
    assert closed == [True]
    assert capsys.readouterr().err.splitlines() == [
        "lift: 60 images to do, 10 done before",
        "lift: 60 of 60 images done, in 0 s",
    ]
