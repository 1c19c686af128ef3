"""What a stage makes: out of the way until all of it is there, then in place at once."""

import errno
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from cm3d.errors import unwritable, writing
from cm3d.execution.files import sync, write_csv, write_json
from cm3d.execution.interruption import uninterrupted
from cm3d.execution.resume import drop_work, work_folder


@contextmanager
def publication(stage: str) -> Iterator["Publication"]:
    """All outputs, metrics and plots of a stage: they replace the earlier ones when the block ends.

    If it fails, the earlier ones are as they were, and unfinished work is kept.

    Args:
        stage: Name of the stage in dvc.yaml.

    Raises:
        InputError: The cache cannot be written, or the outputs not replaced.
    """
    made = Publication(work_folder(stage))
    yield made
    made.publish()
    drop_work(stage)


class Publication:
    """Outputs by their paths, each in a place of its own below the stage's unfinished work.

    Args:
        work: Folder of unfinished work, which outlives an interruption.
    """

    def __init__(self, work: Path) -> None:
        """Nothing is made yet."""
        self.work = work
        self._made: dict[Path, Path] = {}

    def folder(self, out: Path) -> Path:
        """The folder that becomes `out`, with what an interrupted run has left in it."""
        self._made[out] = self.scratch(out.name)
        return self._made[out]

    def empty_folder(self, out: Path) -> Path:
        """The same with nothing in it."""
        place = self.work / out.name
        with writing(place):
            if place.exists():
                shutil.rmtree(place)
        return self.folder(out)

    def scratch(self, name: str) -> Path:
        """A folder that outlives an interruption, and becomes no output."""
        place = self.work / name
        with writing(place):
            place.mkdir(parents=True, exist_ok=True)
        return place

    def json(self, out: Path, content: Any) -> None:
        """Write the file that becomes `out`."""
        write_json(self._file(out), content)

    def csv(self, out: Path, rows: Sequence[Mapping[str, Any]]) -> None:
        """The same for rows with the columns of the first one."""
        write_csv(self._file(out), rows)

    def publish(self) -> None:
        """Replace the earlier outputs, all of them or none.

        Raises:
            InputError: One of them cannot be replaced.
        """
        aside = self.work / "replaced"
        with writing(aside):
            if aside.exists():
                shutil.rmtree(aside)
            aside.mkdir(parents=True)
        for out, made in self._made.items():
            with writing(out):
                _refuse_fixed(out)
                _keep_ignored(out, made)
                sync(made)
                out.parent.mkdir(parents=True, exist_ok=True)
        swaps = [_Swap(out, made, aside) for out, made in self._made.items()]
        try:
            for swap in swaps:
                with writing(swap.out):
                    swap.prepare()
            with uninterrupted():
                _swap_all(swaps)
        finally:
            for swap in swaps:
                swap.tidy_up()

    def _file(self, out: Path) -> Path:
        place = self.work / "files" / f"{len(self._made)}-{out.name}"
        return self._made.setdefault(out, place)


class _Swap:
    """An output and what becomes it: both lie on the output's disk while they change places."""

    def __init__(self, out: Path, made: Path, aside: Path) -> None:
        self.out, self.made = out, made
        self.new, self.old = made, aside / made.name
        self.is_done = False

    def prepare(self) -> None:
        """Bring what was made to the output's disk, where the cache is on another."""
        if _disk_of(self.made) == _disk_of(self.out.parent):
            return
        self.new = self.out.with_name(f".{self.out.name}.partial")
        self.old = self.out.with_name(f".{self.out.name}.replaced")
        self.tidy_up()
        if self.made.is_dir():
            shutil.copytree(self.made, self.new)
        else:
            shutil.copy(self.made, self.new)
        sync(self.new)

    def run(self) -> None:
        if _is_there(self.out):
            _rename(self.out, self.old)
        self.is_done = True
        _rename(self.new, self.out)

    def undo(self) -> None:
        if _is_there(self.out):
            _rename(self.out, self.new)
        if _is_there(self.old):
            _rename(self.old, self.out)

    def tidy_up(self) -> None:
        """Remove what was brought to the output's disk and what was replaced there."""
        for place in (self.new, self.old):
            if place.parent == self.out.parent and _is_there(place):
                _remove(place)


def _keep_ignored(out: Path, made: Path) -> None:
    """Take over DVC's list of what Git ignores, where outputs of DVC lie within a folder."""
    ignored = out / ".gitignore"
    if made.is_dir() and ignored.is_file():
        shutil.copy(ignored, made)


def _disk_of(place: Path) -> int:
    return place.stat().st_dev


def _swap_all(swaps: Sequence[_Swap]) -> None:
    for swap in swaps:
        try:
            swap.run()
        except OSError as error:
            for done in reversed([swap for swap in swaps if swap.is_done]):
                with suppress(OSError):
                    done.undo()
            raise unwritable(swap.out, error) from error


def _rename(path: Path, target: Path) -> None:
    """Move; a folder below an image of a container can only be copied."""
    try:
        path.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        shutil.move(path, target)


def _remove(place: Path) -> None:
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place, ignore_errors=True)
    else:
        place.unlink(missing_ok=True)


def _refuse_fixed(out: Path) -> None:
    """See beforehand whether what is to be replaced can be: every folder in it must be writable."""
    if not out.is_dir() or out.is_symlink():
        return
    for folder in (out, *(place for place in out.rglob("*") if place.is_dir())):
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))


def _is_there(place: Path) -> bool:
    return place.is_symlink() or place.exists()
