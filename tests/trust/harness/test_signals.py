"""How the end of a stage after a signal is judged."""

import signal

import pytest

from trust.processes import Ended
from trust.signals import faults_of, words_of

PROGRESS = "lift: 3 scenes to do\nlift: 1 of 3 scenes done, in 2 s\n"
TERM = int(signal.SIGTERM)


def ended(
    code: int = 143, said: str = "interrupted; run it again\n", took_s: float = 4.0,
    orphans: tuple[str, ...] = (), temporary: tuple[str, ...] = (),
) -> Ended:  # fmt: skip
    return Ended(code, PROGRESS + said, orphans, temporary, took_s)


def test_progress_is_not_counted_among_the_words() -> None:
    assert words_of(ended().said) == ["interrupted; run it again"]


@pytest.mark.parametrize("code", [143, -15])
def test_one_line_and_the_signals_code_is_as_promised(code: int) -> None:
    assert faults_of(ended(code), TERM, 3.0) == []


def test_before_python_has_started_silence_is_no_fault() -> None:
    assert faults_of(ended(-15, ""), TERM, 0.1) == []
    assert faults_of(ended(-15, ""), TERM, 3.0) == ["not a word"]


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (ended(said="Traceback (most recent call last):\nKeyboardInterrupt\n"), "a traceback"),
        (ended(said="one\ntwo\nthree\n"), "3 lines"),
        (ended(1), "exit code 1"),
        (ended(took_s=20.0), "ended 17 s later"),
        (ended(orphans=("python worker",)), "left running: python worker"),
        (ended(temporary=("pymp-x",)), "left in TMPDIR: pymp-x"),
    ],
)
def test_each_fault_is_said(found: Ended, words: str) -> None:
    assert [fault for fault in faults_of(found, TERM, 3.0) if words in fault]
