"""Each stage on a full disk, and with a cache that cannot be written.

It ends in one line, its earlier outputs are as they were; with space it comes to the same bytes.
"""

import errno
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cm3d.execution.progress import followed
from trust.clone import Clone
from trust.kinds import Kind, all_kinds
from trust.outcome import Cell, Outcome
from trust.processes import Ended, Running
from trust.trees import content_of, differences, leftovers
from trust.workplace import Workplace, restore

_SHORT_KINDS: Final = ("lift", "finetune", "track")
_ROOM_BYTES: Final = 256 << 20
_PAGE_BYTES: Final = 4096
_BALLAST: Final = "ballast"
_NOTES: Final = (
    "Full: the clone lies on a file system in memory (tmpfs) that a file fills up, so that every "
    "program meets the kernel's own error; once nothing is left, once half of what the stage's "
    "outputs take. Read-only: `.cache` is a file system in memory without permission to write. "
    "Kept: exit code 1 and one line that starts with `error:`, or a good end where nothing had to "
    "be written there; outputs as before, no unfinished file; with space again, the same bytes.",
    "Both need the right to mount, which root has. Temporary files of Python are elsewhere.",
)


@dataclass
class Tally:
    """What came of the trials of one stage."""

    kind: str
    ended: dict[str, str] = field(default_factory=dict)
    kept: int = 0
    faults: list[str] = field(default_factory=list)

    def row(self) -> dict[str, Cell]:
        """As a row of the table."""
        return {"stage": self.kind, **self.ended}


def measure(place: Workplace) -> Outcome:
    """Take space and permission away, look, give them back, compare."""
    kinds = [kind for kind in all_kinds() if not place.short or kind.name in _SHORT_KINDS]
    try:
        with _mounted(_ROOM_BYTES, "") as disk:
            clone, scratch = place.copy("clone", disk), place.scratch("disks")
            tallies = [
                try_kind(place, clone, scratch, kind)
                for kind in followed(kinds, "disks", len(kinds), "stage")
            ]
    except PermissionError as error:
        return Outcome(0, 0, [], notes=[f"**Not run**: {error}.", *_NOTES])
    return Outcome(
        tried=sum(len(tally.ended) for tally in tallies),
        kept=sum(tally.kept for tally in tallies),
        rows=[tally.row() for tally in tallies],
        faults=[fault for tally in tallies for fault in tally.faults],
        notes=_NOTES,
    )


def try_kind(place: Workplace, clone: Clone, scratch: Path, kind: Kind) -> Tally:
    """One stage on a full disk, on one that fills up, and with a read-only cache."""
    tally, reference = Tally(kind.name), content_of(place.base.root, kind)
    half_bytes = sum(_size_bytes(clone.root / output) for output in kind.outputs) // 2
    for title, left_bytes in (("full", 0), ("fills up", max(half_bytes, _PAGE_BYTES))):
        with _filled(clone.root, left_bytes):
            ended = Running(clone, kind, scratch).end()
            faults = faults_of(ended, differences(reference, content_of(clone.root, kind)))
        _note(place, clone, scratch, kind, tally, title, ended, faults)
    cache = clone.root / ".cache"
    cache.mkdir(exist_ok=True)
    with _mounted(_PAGE_BYTES, "ro", cache):
        ended = Running(clone, kind, scratch).end()
        faults = faults_of(ended, differences(reference, content_of(clone.root, kind)))
    _note(place, clone, scratch, kind, tally, "read-only cache", ended, faults)
    return tally


def _note(
    place: Workplace,
    clone: Clone,
    scratch: Path,
    kind: Kind,
    tally: Tally,
    title: str,
    ended: Ended,
    faults: list[str],
) -> None:
    """Judge a trial and run the stage again with all it needs."""
    unfinished = [name for name in leftovers(clone.root) if not name.startswith(".cache/")]
    faults += [f"left {name}" for name in unfinished]
    again = Running(clone, kind, scratch).end()
    found = differences(content_of(place.base.root, kind), content_of(clone.root, kind))
    if again.code or found:
        faults.append(f"run again: exit code {again.code}, {found[:1] or 'equal bytes'}")
    faults += [f"run again: left {name}" for name in leftovers(clone.root)]
    tally.kept += not faults
    tally.ended[title] = "not kept" if faults else "one line" if ended.code else "not needed"
    tally.faults += [f"{kind.name}, {title}: {fault}" for fault in faults]
    if faults:
        restore(place, clone, kind)


def faults_of(ended: Ended, changed: list[str]) -> list[str]:
    """What is wrong with the end of a stage that could not write.

    Args:
        ended: How it ended.
        changed: Outputs that are not what they were before.
    """
    faults = []
    lines = [line for line in ended.said.splitlines() if "error: " in line]
    if "Traceback" in ended.said:
        faults.append(f"a traceback: {ended.said.strip().splitlines()[-1][:120]}")
    elif ended.code == 1 and len(lines) != 1:
        faults.append(f"{len(lines)} lines with `error:`")
    if ended.code not in (0, 1):
        faults.append(f"exit code {ended.code}")
    if changed:
        faults.append(f"earlier outputs: {changed[0]}")
    if ended.orphans:
        faults.append(f"left running: {ended.orphans[0]}")
    return faults


@contextmanager
def _mounted(size_bytes: int, options: str, place: Path | None = None) -> Iterator[Path]:
    """A file system in memory.

    Raises:
        PermissionError: This user may not mount.
    """
    with tempfile.TemporaryDirectory(prefix="cm3d-disk-") as folder:
        target = str(place or folder)
        words = ",".join(filter(None, [f"size={size_bytes}", options]))
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", words, "tmpfs", target],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            reason = done.stderr.strip() or "mount failed"
            raise PermissionError(errno.EPERM, reason)
        try:
            yield Path(target)
        finally:
            subprocess.run(["umount", target], check=True)


@contextmanager
def _filled(root: Path, left_bytes: int) -> Iterator[None]:
    """Fill the disk up to so many bytes."""
    path = root / _BALLAST
    status = os.statvfs(root)
    with path.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(status.f_bavail * status.f_frsize - left_bytes, 1))
    try:
        yield
    finally:
        path.unlink()


def _size_bytes(path: Path) -> int:
    files = [path] if path.is_file() else path.rglob("*")
    return sum(file.stat().st_size for file in files if file.is_file())
