"""Ctrl-C and the signals that end a process: one line, at any moment, and nobody left behind.

What stages keep on disk survives a kill at any moment, so that a stage need not be unwound: it says
its line, kills the processes that it has started, removes their temporary folders and is gone. An
exception could be swallowed by whoever runs at that moment, an import of a network library for one.
Nothing heavy is imported here, since a stage does so first of all.
"""

import atexit
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any, Final

_ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SAID: Final = "interrupted; what is finished is kept, run it again to go on"
_TIDYING_S: Final = 3.0

# Signals that wait, and whether they have to; whether handlers of this process are ours.
_waiting: list[int] = []
_state: Final = {"held": False, "ours": False}


@contextmanager
def ended_in_one_line() -> Iterator[None]:
    """Within, signals that end this process do so in one line, with exit code 128 + their number.

    Those that are ignored, as under `nohup`, remain so. Outside the main thread nothing changes.
    """
    before = begin() if threading.current_thread() is threading.main_thread() else {}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _state["ours"] = any(handler is _end for handler in before.values())


def begin() -> dict[signal.Signals, Any]:
    """Take the signals over; returns what handled them before."""
    before = {number: signal.getsignal(number) for number in _ENDING}
    taken = {n: handler for n, handler in before.items() if handler != signal.SIG_IGN}
    for number in taken:
        signal.signal(number, _end)
    if not _state["ours"]:
        atexit.register(_deafen)
    _state["ours"] = True
    return taken


def _deafen() -> None:
    """Work is done, and Python, about to end, would hand signals back: one would end it unsaid."""
    for number in _ENDING:
        if signal.getsignal(number) is _end:
            signal.signal(number, signal.SIG_IGN)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Within, these signals wait, for what takes a moment and must not be left half done."""
    _state["held"] = True
    try:
        yield
    finally:
        _state["held"] = False
        if _waiting:
            _end(_waiting[0], None)


@contextmanager
def deaf_children() -> Iterator[None]:
    """Within, processes are started that never hear of a Ctrl-C: they end with their parent.

    A terminal sends it to all, and these would tell of it, each in a traceback.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end(number: int, frame: FrameType | None) -> None:
    if _state["held"]:
        _waiting.append(number)
        return
    for other in _ENDING:
        signal.signal(other, _end_at_once)
    if os.environ.get("RANK", "0") == "0":
        with suppress(OSError):
            on_a_bar = "\n" if os.isatty(2) else ""
            os.write(2, f"{on_a_bar}{_SAID}\n".encode())
    with suppress(OSError):  # threads of libraries would tell of what now breaks below them
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    kill_descendants()
    tidying = threading.Thread(target=_tidy_up, daemon=True)
    tidying.start()
    tidying.join(_TIDYING_S)
    os._exit(128 + number)


def _end_at_once(number: int, frame: FrameType | None) -> None:
    """Whoever asks again is in a hurry: wait for nothing, but leave nobody behind."""
    _kill(_victims())
    os._exit(128 + number)


def kill_descendants() -> None:
    """Kill all processes below this one, but for the tracker that removes what they shared."""
    while victims := _victims():
        _kill(victims)
        for victim in victims:
            with suppress(ChildProcessError):
                os.waitpid(victim, 0)


def _victims() -> set[int]:
    tracker = sys.modules.get("multiprocessing.resource_tracker")
    spared = getattr(getattr(tracker, "_resource_tracker", None), "_pid", None)
    return descendants(os.getpid()) - {spared}


def _kill(victims: set[int]) -> None:
    for victim in victims:
        with suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)


def descendants(ancestor: int) -> set[int]:
    """Processes below one, but for those that have ended; none where there is no /proc."""
    parent_of = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # the name, in parentheses, may hold anything
            state, parent = status.read_text(errors="replace").rpartition(")")[2].split()[:2]
            if state not in "ZX":
                parent_of[int(status.parent.name)] = int(parent)
    found, grown = set[int](), {ancestor}
    while grown:
        grown = {child for child, parent in parent_of.items() if parent in grown} - found
        found |= grown
    return found


def _tidy_up() -> None:
    """Remove semaphores and temporary folders of the processes that were started."""
    if util := sys.modules.get("multiprocessing.util"):
        util._run_finalizers()


def _in_a_fork() -> None:
    """A forked process, as a loader, leaves Ctrl-C to its parent and ends by other signals."""
    if _state["ours"]:
        for number in _ENDING:
            if signal.getsignal(number) is _end:
                deaf = number == signal.SIGINT
                signal.signal(number, signal.SIG_IGN if deaf else signal.SIG_DFL)
        _state["ours"] = False


os.register_at_fork(after_in_child=_in_a_fork)
