"""Unpacking of archives that nobody vouches for."""

import gzip
import shutil
import tarfile
import zlib
from pathlib import Path

from cm3d.errors import InputError

_CHUNK_BYTES = 1 << 20


def unpack(archive: Path, root: Path) -> None:
    """Unpack a gzipped tar below `root`: all of it, or nothing if any of it is bad.

    Members that would land outside `root`, devices and links out of it are refused.

    Raises:
        InputError: The archive is damaged or unsafe; a damaged one is removed.
    """
    staging = root / f".{archive.name}.unpacked"
    shutil.rmtree(staging, ignore_errors=True)
    try:
        with gzip.open(archive) as stream:
            with tarfile.open(fileobj=stream, mode="r|") as tar:
                tar.extractall(staging, filter="data")
            _read_to_end(stream)
        _merge(staging, root)
    except tarfile.FilterError as error:
        raise InputError(f"{archive}: unsafe member ({error}); do not use this file") from error
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError) as error:
        archive.unlink()
        raise InputError(f"{archive}: damaged and removed ({error}); run again") from error
    except OSError as error:
        raise InputError(f"{archive}: cannot be unpacked below {root} ({error})") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


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
