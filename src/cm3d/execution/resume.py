"""Work folders that outlive an interruption.

DVC deletes a stage's outputs before it runs, so unfinished work lives outside them, below
`$DVC_ROOT/.cache/resume`, in a folder named by everything that the stage's result depends on. All
experiments of a workspace share that place: a folder belongs to the process that holds the lock
beside it, and what is locked is nobody else's to use or to delete.
"""

import fcntl
import os
import re
import shutil
import threading
import time
from contextlib import suppress
from itertools import chain, count
from pathlib import Path
from typing import Final

from cm3d.errors import InputError, unwritable
from cm3d.execution.digest import stage_digest
from cm3d.execution.processes import leads

# Unfinished work of other states of a stage: so many folders are kept, for so long. All that was
# begun within a day is: many workers of a queue may have been killed at once, and come back.
_KEPT: Final = 5
_KEPT_S: Final = 7 * 24 * 3600.0
_ALL_KEPT_S: Final = 24 * 3600.0

# Folders that this process holds, by stage, each with its open lock.
_held: dict[str, tuple[Path, int]] = {}
_claiming: Final = threading.Lock()


def work_folder(stage: str) -> Path:
    """Where this process keeps unfinished work of a stage in its present state.

    Unfinished work of the same state is taken up, unless another process is at it: then this one
    has a folder of its own. Of those that train together by `torchrun` only the first holds it.

    Raises:
        InputError: The cache cannot be written, or a training of several processes finds its
            folder in use.
    """
    base = Path(os.environ.get("DVC_ROOT", ".")) / ".cache" / "resume"
    name = f"{stage}-{stage_digest(stage)}"
    if not leads():
        return base / name
    with _claiming:
        if stage in _held:
            if _is_of(_held[stage][0].name, name):
                return _held[stage][0]
            _let_go(stage)
        try:
            base.mkdir(parents=True, exist_ok=True)
            folder = _claim(stage, base, name)
            _remove_stale(stage, base, name)
        except OSError as error:
            raise unwritable(base, error) from error
    return folder


def drop_work(stage: str) -> None:
    """Remove this process's unfinished work of a stage, which has become its outputs."""
    with _claiming:
        if stage in _held:
            shutil.rmtree(_held[stage][0], ignore_errors=True)
            _let_go(stage)


def _claim(stage: str, base: Path, name: str) -> Path:
    """The first folder of this state, begun ones first, that nobody else holds."""
    begun = sorted(path.name for path in base.glob(f"{name}*") if path.is_dir())
    candidates = chain(
        (folder for folder in begun if _is_of(folder, name)),
        (name if number == 1 else f"{name}-{number}" for number in count(1)),
    )
    # those that train together know of no other
    for candidate in [name] if "WORLD_SIZE" in os.environ else candidates:
        lock = _lock(_lock_of(base / candidate))
        if lock is not None:
            os.utime(lock)
            _held[stage] = base / candidate, lock
            return base / candidate
    raise InputError(f"{base / name}: another process is at the same work; wait for it or stop it")


def _is_of(folder_name: str, name: str) -> bool:
    return re.fullmatch(rf"{re.escape(name)}(-\d+)?", folder_name) is not None


def _lock_of(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.lock")


def _lock(path: Path) -> int | None:
    """Hold a lock as long as this process lives; None where another one does."""
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return None
        with suppress(FileNotFoundError):
            if path.stat().st_ino == os.fstat(file).st_ino:
                return file
        os.close(file)  # it was let go and removed in between


def _let_go(stage: str) -> None:
    folder, file = _held.pop(stage)
    _unlock(_lock_of(folder), file)


def _unlock(path: Path, file: int) -> None:
    path.unlink(missing_ok=True)
    os.close(file)


def _forget() -> None:
    """Close the locks that a fork has copied: it would hold them when this process is killed."""
    for _, file in _held.values():
        os.close(file)
    _held.clear()


os.register_at_fork(after_in_child=_forget)


def _remove_stale(stage: str, base: Path, name: str) -> None:
    """Remove work of other states of a stage that nobody holds, but for what was begun last."""
    pattern = re.compile(rf"{re.escape(stage)}-[0-9a-f]{{12}}(-\d+)?")
    names = {path.name.removesuffix(".lock") for path in base.iterdir()}
    others = [base / n for n in names if pattern.fullmatch(n) and not _is_of(n, name)]
    others.sort(key=_begun_s, reverse=True)
    for place, folder in enumerate(others):
        if time.time() - _begun_s(folder) > (_KEPT_S if place < _KEPT else _ALL_KEPT_S):
            path = _lock_of(folder)
            file = _lock(path)
            if file is not None:
                shutil.rmtree(folder, ignore_errors=True)
                _unlock(path, file)


def _begun_s(folder: Path) -> float:
    """When a process has last claimed a folder; 0 if it is gone by now."""
    for path in (_lock_of(folder), folder):
        with suppress(FileNotFoundError):
            return path.stat().st_mtime
    return 0.0
