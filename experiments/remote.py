"""`python -m experiments.remote [PATH ...]`: name what is missing or corrupt in a remote.

DVC says which output it could not fetch, not which file of it, nor where that lies. PATH is an
output of dvc.lock, as `data/pseudo_labels`; without one all are read. `--mend` makes way for
`dvc push`, which takes a folder for complete as long as its listing is there.
"""

import hashlib
import json
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from dvc.exceptions import DvcException
from dvc.repo import Repo

from cm3d.errors import InputError
from cm3d.execution.arguments import Arguments
from cm3d.execution.pipeline import RESTORE, read_values
from cm3d.execution.stage import run_program

_BLOCK: Final = 2**20
_AT_ONCE: Final = 8  # files read at a time, as each waits for the network


@dataclass(frozen=True)
class Object:
    """A file of an output, or the listing of a folder.

    Args:
        path: Relative to the project's root.
        md5: By which the remote has it, of a listing with `.dir` at its end.
    """

    path: str
    md5: str


@dataclass(frozen=True)
class Fault:
    """What is wrong with an object of a remote.

    Args:
        path: Of the file, relative to the project's root.
        what: `corrupt` or `missing`.
        place: Where the remote has it.
        listing: Where the remote has the listing of its folder, if it is in one.
    """

    path: str
    what: str
    place: str
    listing: str | None = None

    def __str__(self) -> str:
        """One line."""
        return f"{self.path}: {self.what} in the remote, {self.place}"


def outputs(lock_file: Path, paths: list[str]) -> list[Object]:
    """The outputs that dvc.lock names, or those of them that were asked for.

    Raises:
        InputError: There is no such output, or no readable dvc.lock.
    """
    stages = read_values(lock_file, RESTORE).get("stages") or {}
    found = [
        Object(out["path"], out["md5"])
        for stage in stages.values()
        for out in stage.get("outs", [])
        if "md5" in out and not out["path"].startswith("metrics")
    ]
    known = {out.path for out in found}
    if unknown := sorted({path.rstrip("/") for path in paths} - known):
        raise InputError(f"{unknown[0]}: no output of {lock_file}; name one as data/pseudo_labels")
    return [out for out in found if not paths or out.path in {path.rstrip("/") for path in paths}]


def faults(remote: Any, wanted: list[Object]) -> Iterator[Fault]:
    """Read every object and compare it with its hash.

    Args:
        remote: The object store of DVC.
        wanted: Outputs; of folders all files are read.
    """
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for out in wanted:
            content, fault = _read(remote, out)
            if fault is None and out.md5.endswith(".dir"):
                listed = [
                    Object(f"{out.path}/{entry['relpath']}", entry["md5"])
                    for entry in json.loads(content)
                ]
                listing = remote.oid_to_path(out.md5)
                for _, fault in pool.map(partial(_read, remote), listed):
                    if fault:
                        yield replace(fault, listing=listing)
            elif fault:
                yield fault


def mend(remote: Any, found: list[Fault]) -> None:
    """Delete what is corrupt, and the listings of folders that lack something."""
    places = {fault.place for fault in found} | {fault.listing for fault in found}
    for place in filter(None, places):
        with suppress(FileNotFoundError):
            remote.fs.remove(place)


def _read(remote: Any, wanted: Object) -> tuple[bytes, Fault | None]:
    """The content of a listing, of a file nothing; and what is wrong."""
    place = remote.oid_to_path(wanted.md5)
    digest, kept = hashlib.md5(usedforsecurity=False), b""
    try:
        with remote.fs.open(place, "rb") as stream:
            while block := stream.read(_BLOCK):
                digest.update(block)
                kept += block if wanted.md5.endswith(".dir") else b""
    except FileNotFoundError:
        return b"", Fault(wanted.path, "missing", place)
    is_sound = digest.hexdigest() == wanted.md5.removesuffix(".dir")
    return kept, None if is_sound else Fault(wanted.path, "corrupt", place)


def main() -> None:
    """Check what the command line names; exit code 1 if anything is broken."""
    parser = Arguments("experiments.remote", __doc__)
    parser.add_argument("paths", nargs="*", metavar="PATH", help="outputs; default all")
    parser.add_argument("-r", "--remote", help="name in .dvc/config; default its default")
    parser.add_argument("--mend", action="store_true", help="delete there what is corrupt")
    arguments = parser.parse_args()
    logging.getLogger("dvc").setLevel(logging.ERROR)
    found: list[Fault] = []
    try:
        wanted = outputs(Path("dvc.lock"), arguments.paths)
        with Repo() as repo:
            remote = repo.cloud.get_remote_odb(arguments.remote)
            for fault in faults(remote, wanted):
                print(fault)
                found.append(fault)
            if arguments.mend:
                mend(remote, found)
    except (DvcException, OSError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"the remote cannot be read: {reason}") from error
    if found and arguments.mend:
        print(f"{len(found)} files are to be sent again: `dvc push` where the data is")
    elif found:
        raise InputError(f"{len(found)} files are broken; run `make mend-remote`")
    else:
        print(f"{len(wanted)} outputs are whole in the remote")


if __name__ == "__main__":
    run_program(main)
