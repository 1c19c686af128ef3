"""Downloads that survive interruption, and unpacking of archives that nobody vouches for."""

import gzip
import hashlib
import http.client
import shutil
import tarfile
import zlib
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from cm3d.errors import InputError, unwritable
from cm3d.execution.progress import Progress

_CHUNK_BYTES = 1 << 20
_TIMEOUT_S = 30.0
# nuScenes v1.0-mini, the largest archive that is fetched, takes some 4 GB in 31,000 files.
_MOST_BYTES = 32 << 30
_MOST_MEMBERS = 1_000_000


def download(url: str, target: Path, md5: str | None, attempts: int = 5) -> None:
    """Download one file, whole or not at all; what an earlier run has got is kept.

    Bytes are collected in `.<name>.partial` beside the target, and a broken connection goes on
    where it stopped (HTTP Range) if the server can.

    Args:
        url: Where the file is.
        target: Where it goes; nothing is done if it is there.
        md5: Checksum in hexadecimal; None checks the length alone.
        attempts: Connections that may break before the download is given up.

    Raises:
        InputError: The server cannot be reached, or what came is not the file.
    """
    if target.is_file():
        return
    partial = target.with_name(f".{target.name}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if not any(_receive(url, partial) for _ in range(attempts)):
            raise InputError(f"{url}: connection broke {attempts} times; run again to resume")
        _check(url, partial, md5)
        partial.replace(target)
    except HTTPError as error:
        raise InputError(f"{url}: server says {error.code} {error.reason}") from error
    except URLError as error:
        raise InputError(
            f"{url}: cannot be reached ({error.reason}); connect, or download it elsewhere and "
            f"put it at {target}"
        ) from error
    except OSError as error:
        raise unwritable(target, error) from error


def _receive(url: str, partial: Path) -> bool:
    """One connection; whether the file is complete after it."""
    done_bytes = partial.stat().st_size if partial.is_file() else 0
    headers = {"Range": f"bytes={done_bytes}-"} if done_bytes else {}
    request = Request(url, headers=headers)  # noqa: S310 (addresses stand in the code)
    try:
        with urlopen(request, timeout=_TIMEOUT_S) as response:  # noqa: S310 (as above)
            return _store(response, partial, done_bytes)
    except HTTPError as error:
        if error.code != http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise
        complete = error.headers.get("Content-Range", "").endswith(f"/{done_bytes}")
        if not complete:
            partial.unlink()
        return complete
    except (http.client.HTTPException, ConnectionError, TimeoutError):
        return False


def _store(response: Any, partial: Path, done_bytes: int) -> bool:
    """Append the answer, or start anew where the server ignores the range."""
    resumed = response.status == http.HTTPStatus.PARTIAL_CONTENT
    start_bytes = done_bytes if resumed else 0
    total_bytes = start_bytes + int(response.headers["Content-Length"])
    progress = Progress(partial.name, total_bytes, "byte", done=start_bytes)
    with partial.open("ab" if resumed else "wb") as file, progress:
        while chunk := response.read(_CHUNK_BYTES):
            progress.add(file.write(chunk))
    return partial.stat().st_size == total_bytes


def _check(url: str, partial: Path, md5: str | None) -> None:
    if md5 is None:
        return
    with partial.open("rb") as file:
        found = hashlib.file_digest(file, "md5").hexdigest()
    if found != md5:
        partial.unlink()
        raise InputError(f"{url}: checksum is {found}, expected {md5}; run again to start anew")


def unpack(archive: Path, root: Path, most_bytes: int = _MOST_BYTES) -> None:
    """Unpack a gzipped tar below `root`: all of it, or nothing if any of it is bad.

    Members that would land outside `root`, devices, links, and more than a data set has are bad.

    Args:
        archive: The file.
        root: Where its members go.
        most_bytes: Size of all members, unpacked, above which none is kept.

    Raises:
        InputError: The archive is damaged or unsafe; a damaged one is removed.
    """
    staging = root / f".{archive.name}.unpacked"
    shutil.rmtree(staging, ignore_errors=True)
    try:
        with gzip.open(archive) as stream:
            with tarfile.open(fileobj=stream, mode="r|") as tar:
                tar.extractall(staging, filter=_Gate(most_bytes).admit)  # noqa: S202 (the gate)
            _read_to_end(stream)
        _merge(staging, root)
    except InputError as error:
        raise InputError(f"{archive}: {error}") from error
    except tarfile.FilterError as error:
        raise InputError(f"{archive}: unsafe member ({error}); do not use this file") from error
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError) as error:
        archive.unlink()
        raise InputError(f"{archive}: damaged and removed ({error}); run again") from error
    except OSError as error:
        raise InputError(f"{archive}: cannot be unpacked below {root} ({error})") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


class _Gate:
    """Lets files and folders in until they are too many."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._bytes = self._members = 0

    def admit(self, member: tarfile.TarInfo, path: str) -> tarfile.TarInfo | None:
        """Hand on a member, made harmless by the standard library's filter.

        Raises:
            FilterError: It is a device, or would land elsewhere.
            InputError: It is a link, or there is more than a data set has.
        """
        if member.issym() or member.islnk():
            raise InputError(f"unsafe member ({member.name} is a link); do not use this file")
        self._bytes += member.size
        self._members += 1
        if self._bytes > self._most_bytes or self._members > _MOST_MEMBERS:
            raise InputError(
                f"{member.name}: with it the archive unpacks to {self._bytes} bytes in "
                f"{self._members} members, more than a data set has; do not use this file"
            )
        return tarfile.data_filter(member, path)


def _read_to_end(stream: gzip.GzipFile) -> None:
    """Make gzip compare its checksum, which comes after the archive's last member."""
    while stream.read(_CHUNK_BYTES):
        pass


def _merge(source: Path, target: Path) -> None:
    """Move every file to the same place below `target`, replacing what is there."""
    for path in sorted(source.rglob("*")):
        place = target / path.relative_to(source)
        if path.is_dir() and not path.is_symlink():
            place.mkdir(parents=True, exist_ok=True)
        else:
            path.replace(place)
