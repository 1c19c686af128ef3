"""Who handles the signals, who is below a process, and how one ends; stages are in tests/trust."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from cm3d.execution.interruption import (
    _SAID,
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


def test_a_signal_while_python_ends_changes_nothing(project: Path) -> None:
    """Work is done then, and the exit code says so."""
    script = (
        "import atexit, time\n"
        "atexit.register(lambda: (print('ends', flush=True), time.sleep(0.5)))\n"
        "from cm3d.execution.interruption import begin\n"
        "begin()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(project / "src")},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ends\n"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=10)
    assert process.returncode == 0


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


PATIENCE_S = 60.0
Begin = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def begin(project: Path, tmp_path: Path) -> Iterator[Begin]:
    """Start a script in a session of its own; whatever is left of it is killed."""
    begun: list[subprocess.Popen[str]] = []

    def begin(script: str, environment: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        (tmp_path / "script.py").write_text(script)
        process = subprocess.Popen(
            [sys.executable, str(tmp_path / "script.py"), str(tmp_path)],
            cwd=project,
            env={**os.environ, "PYTHONPATH": "src", **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        begun.append(process)
        return process

    yield begin
    for process in begun:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=PATIENCE_S)


def wait_for(happens: Callable[[], bool], what: str) -> None:
    """Wait, but not for ever."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not happens():
        assert time.monotonic() < deadline_s, what
        time.sleep(0.02)


def has_ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


# The first signal is never done with: it waits for a child that does not die.
STUCK = """
import subprocess, time
from cm3d.execution import interruption

child = subprocess.Popen(["sleep", "600"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
interruption.kill_descendants = lambda: time.sleep(600)
with interruption.ended_in_one_line():
    print(child.pid, flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("again", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_ends_at_once_and_leaves_nobody(begin: Begin, again: int) -> None:
    process = begin(STUCK)
    assert process.stdout and process.stderr
    child = int(process.stdout.readline())
    process.send_signal(signal.SIGINT)
    assert process.stderr.readline() == f"{_SAID}\n"
    process.send_signal(again)
    assert process.wait(PATIENCE_S) == 128 + again
    assert process.stderr.read() == ""
    wait_for(lambda: has_ended(child), "the child lives on")


# Two processes that wait for each other without end, each of which leaves its number.
TRAINING = """
import os, sys
from dataclasses import dataclass
from pathlib import Path

import torch

from cm3d.detectors.ranks import rank, sum_over_processes
from cm3d.execution.stage import run_stage
from cm3d.execution.together import train_together


@dataclass(frozen=True)
class Endless:
    folder: Path

    def __call__(self, device):
        sum_over_processes(torch.zeros(1))
        Path(self.folder / f"rank{rank()}").write_text(str(os.getpid()))
        while True:
            sum_over_processes(torch.zeros(1))


if __name__ == "__main__":
    work = Endless(Path(sys.argv[1]))
    run_stage(lambda: train_together(work, 2, "cpu"), has_arguments=True, trains=True)
"""


def ranks_in(folder: Path) -> list[int]:
    """Numbers of both processes of a training, once it has begun."""
    files = [folder / "rank0", folder / "rank1"]
    wait_for(lambda: all(f.exists() and f.read_text() for f in files), "no training begins")
    return [int(file.read_text()) for file in files]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_training_of_two_processes_ends_in_one_line(
    begin: Begin, tmp_path: Path, number: int
) -> None:
    """SIGTERM goes to the first process, Ctrl-C to all."""
    process = begin(TRAINING)
    pids = ranks_in(tmp_path)
    (os.killpg if number == signal.SIGINT else os.kill)(process.pid, number)
    said = process.communicate(timeout=PATIENCE_S)[1]
    assert (process.returncode, said) == (128 + number, f"{_SAID}\n")
    wait_for(lambda: all(map(has_ended, pids)), "a process of the training lives on")


def test_of_two_that_torchrun_has_started_the_first_speaks(begin: Begin, tmp_path: Path) -> None:
    """Torchrun sends SIGTERM to both, one after the other."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    both = [begin(TRAINING, {"RANK": n, "LOCAL_RANK": n, **shared}) for n in ("0", "1")]
    assert ranks_in(tmp_path) == [process.pid for process in both]
    for process in both:
        process.terminate()
    said = [process.communicate(timeout=PATIENCE_S)[1] for process in both]
    assert [process.returncode for process in both] == [143, 143]
    assert said == [f"{_SAID}\n", ""]
