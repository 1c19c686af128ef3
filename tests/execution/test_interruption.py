"""Who handles the signals, and who is below a process; ends are in tests/trust."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from cm3d.execution.interruption import (
    _end,
    deaf_children,
    descendants,
    ended_in_one_line,
)


def test_signals_are_handled_within_and_given_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with ended_in_one_line():
        assert signal.getsignal(signal.SIGTERM) is _end
        assert signal.getsignal(signal.SIGINT) is _end
        with ended_in_one_line():
            pass
        assert signal.getsignal(signal.SIGTERM) is _end
    assert signal.getsignal(signal.SIGTERM) is before


def test_what_is_ignored_remains_so() -> None:
    """As under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with ended_in_one_line():
            assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_fork_leaves_ctrl_c_to_its_parent() -> None:
    with ended_in_one_line():
        child = os.fork()
        if child == 0:
            deaf = signal.getsignal(signal.SIGINT) == signal.SIG_IGN
            mortal = signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
            os._exit(0 if deaf and mortal else 1)
        assert os.waitpid(child, 0)[1] == 0


def test_children_started_deaf_do_not_hear_ctrl_c() -> None:
    blocked = "import signal; print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ()))"
    command = [sys.executable, "-c", blocked]
    with deaf_children():
        assert subprocess.run(command, capture_output=True, text=True).stdout == "True\n"
    assert subprocess.run(command, capture_output=True, text=True).stdout == "False\n"


def test_all_below_a_process_are_found_and_killed(project: Path) -> None:
    """In a process of its own, whose descendants are no others."""
    script = (
        "import os, subprocess, time\n"
        "from cm3d.execution.interruption import descendants, kill_descendants\n"
        "subprocess.Popen(['sh', '-c', 'sleep 60 & sleep 60; true'])\n"
        "while len(descendants(os.getpid())) < 3: time.sleep(0.01)\n"
        "kill_descendants()\n"
        "print(descendants(os.getpid()))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(project / "src")},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.stdout == "set()\n", done.stderr
    assert os.getpid() not in descendants(os.getpid())
