"""Stages as processes that can be hit: started apart, followed by a mark, their remains found."""

import os
import shutil
import signal
import subprocess
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trust.clone import Clone
from trust.kinds import Kind

_MARK: Final = "CM3D_TRUST"
_PATIENCE_S: Final = 600.0
# Workers notice within a moment that their stage is gone; a Ray cluster takes longer.
_ORPHANS_S: Final = 15.0
# Torch makes a folder of its own for a user's compiled kernels, which all processes share.
_SHARED: Final = "torchinductor_"


@dataclass(frozen=True)
class Ended:
    """How a stage has ended.

    Args:
        code: Exit code; minus the signal where one has killed it.
        said: What it printed on stderr.
        orphans: Processes that it has left, after some seconds.
        temporary: Names of what it has left in its folder for temporary files.
        took_s: How long it ran.
    """

    code: int
    said: str
    orphans: tuple[str, ...]
    temporary: tuple[str, ...]
    took_s: float


class Running:
    """A stage in a session of its own.

    Args:
        clone: Where it runs.
        kind: The stage.
        scratch: Folder for what it says, and for its temporary files.
        environment: Beside the clone's.
    """

    def __init__(
        self, clone: Clone, kind: Kind, scratch: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        """Start it."""
        self.mark = uuid.uuid4().hex
        self._temporary = scratch / "tmp"
        self._temporary.mkdir(parents=True, exist_ok=True)
        self._log = scratch / f"{self.mark}.log"
        own = {"PYTHONPATH": "src", "TMPDIR": str(self._temporary), _MARK: self.mark}
        self._begun_s = time.monotonic()
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                kind.command,
                cwd=clone.root,
                env={**clone.environment, **own, **(environment or {})},
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    @property
    def passed_s(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self._begun_s

    def hit(self, number: int, *, group: bool) -> bool:
        """Send a signal to the stage, or to all its processes as a terminal does; if it lives."""
        if self.process.poll() is not None:
            return False
        (os.killpg if group else os.kill)(self.process.pid, number)
        return True

    def wait_until(self, passed_s: float) -> None:
        """Wait until so many seconds have passed, or it has ended."""
        try:
            self.process.wait(max(passed_s - self.passed_s, 0.0))
        except subprocess.TimeoutExpired:
            pass

    def end(self) -> Ended:
        """Wait for its end, look for what it has left, and remove that."""
        try:
            code = self.process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            code = 0
        took_s = self.passed_s
        deadline_s = time.monotonic() + _ORPHANS_S
        while (orphans := marked(self.mark)) and time.monotonic() < deadline_s:
            time.sleep(0.05)
        for pid in orphans:
            _kill(pid)
        names = sorted(path.name for path in self._temporary.iterdir())
        temporary = tuple(name for name in names if not name.startswith(_SHARED))
        shutil.rmtree(self._temporary, ignore_errors=True)
        said = self._log.read_text(errors="replace").replace("\r", "\n")
        self._log.unlink()
        return Ended(code, said, tuple(orphans.values()), temporary, took_s)


def marked(mark: str) -> dict[int, str]:
    """Command lines of the living processes that have inherited a mark, by their number."""
    wanted, found = f"{_MARK}={mark}".encode(), {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                if wanted in (folder / "environ").read_bytes().split(b"\0"):
                    words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                    found[int(folder.name)] = words.strip()[:120]
            except OSError:  # it has ended meanwhile, or belongs to someone else
                continue
    return found


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def peak_mb(mark: str) -> float:
    """Largest resident set that any of the marked processes has had."""
    peaks = [0.0]
    for pid in marked(mark):
        try:
            status = Path(f"/proc/{pid}/status").read_text()
        except OSError:
            continue
        peaks += [int(line.split()[1]) / 1024 for line in status.splitlines() if "VmHWM" in line]
    return max(peaks)
