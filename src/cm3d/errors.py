"""The one error that a user is meant to see, and what errors of the system become in its words."""

import errno
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final


class InputError(Exception):
    """Something outside the code is wrong: a file, a parameter, an environment variable.

    The message is one line that names the culprit and the remedy. Stages print it without a
    traceback and exit with code 1.
    """


_FULL: Final = "free some of that disk and run it again"
_OWNED: Final = "change its owner or mode"
_IN_THE_WAY: Final = "a file lies where a folder belongs: move it away"
_LOCKS: Final = "use a file system that has locks (flock)"
_REMEDIES: Final[Mapping[int, str]] = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: "free some of your quota there and run it again",
    errno.EFBIG: "raise the limit of a file's size (`ulimit -f`)",
    errno.EROFS: "mount it for writing or work elsewhere",
    errno.EACCES: _OWNED,
    errno.EPERM: _OWNED,
    errno.ENOENT: "check the path",
    errno.EEXIST: _IN_THE_WAY,
    errno.ENOTDIR: _IN_THE_WAY,
    errno.EISDIR: "a folder lies where a file belongs: move it away",
    errno.ENOTEMPTY: "another program writes there: stop it and run it again",
    errno.EBUSY: "another program uses it: stop it and run it again",
    errno.ENAMETOOLONG: "shorten the path",
    errno.ELOOP: "correct the links, which lead in a circle",
    errno.EMFILE: "raise the limit of open files (`ulimit -n`) or lower execution.workers",
    errno.ENFILE: "close other programs or lower execution.workers",
    errno.ENOMEM: "lower execution.workers or use a machine with more memory",
    errno.EAGAIN: "raise the limit of processes (`ulimit -u`) or lower execution.workers",
    errno.ENOLCK: _LOCKS,
    errno.EOPNOTSUPP: _LOCKS,
    errno.ENOSYS: _LOCKS,
    errno.EIO: "the disk fails: see the system's log",
    errno.ESTALE: "mount the network disk again",
    errno.EPIPE: "the program that reads the output has ended: write to a file",
}
_ELSE: Final = "check the path, its permissions and the disk"


def refused(error: OSError, path: Path | None = None) -> InputError:
    """What an error of the system is to a user: what it happened to, why, and what helps.

    Args:
        error: With or without the name of a file.
        path: What it happened to, where the error has no name.
    """
    named = error.filename if error.filename is not None else path
    if named is None:
        return InputError(f"{reason_of(error)}; {remedy_of(error)}")
    place = culprit(error, Path(os.fsdecode(named)))
    return InputError(f"{place}: {reason_of(error)}; {remedy_of(error)}")


def unwritable(path: Path, error: OSError) -> InputError:
    """The same for a path that cannot be written."""
    found = culprit(error, path)
    what = f"{path}" if found == path else f"{path}: {found}"
    return InputError(f"{what}: cannot be written ({reason_of(error)}); {remedy_of(error)}")


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Within, errors of the system are about writing this path; writers seldom name it.

    Raises:
        InputError: In place of an OSError.
    """
    try:
        yield
    except OSError as error:
        raise unwritable(path, error) from error


def reason_of(error: OSError) -> str:
    """Why, in the system's words; libraries put files and line numbers into theirs."""
    known = error.errno is not None and error.errno in _REMEDIES
    told = os.strerror(error.errno or 0) if known else error.strerror or str(error)
    return " ".join(told.split()) or type(error).__name__


def remedy_of(error: OSError) -> str:
    """What helps against it."""
    return _REMEDIES.get(error.errno or 0, _ELSE)


def culprit(error: OSError, path: Path) -> Path:
    """The file on the way to a path that is no folder; the path where there is none."""
    if error.errno in (errno.EEXIST, errno.ENOTDIR):
        for place in (*reversed(path.parents), path):
            if (place.is_symlink() or place.exists()) and not place.is_dir():
                return place
    return path
