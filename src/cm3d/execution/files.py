"""Small result files: the same bytes for the same content, whole or not at all, on the disk."""

import csv
import hashlib
import io
import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, cast

from cm3d.errors import InputError, refused, writing
from cm3d.params.files import no_json, once_each, refuse_pipe

_SEAL_BYTES: Final = hashlib.sha256().digest_size
_DEEPEST: Final = 20  # levels of objects in a file of figures
_SHOWN: Final = 80  # characters of a name or value in a message


def write_json(path: Path, content: Any) -> None:
    """Write indented JSON; floats are rounded to 6 digits so that Git diffs stay readable.

    Raises:
        InputError: The file cannot be written, or a number is not finite, which is no JSON.
    """
    try:
        text = json.dumps(_rounded(content), indent=2, allow_nan=False)
    except ValueError as error:
        raise InputError(
            f"{path}: not written, since a figure of it is not finite; check what the stage reads"
        ) from error
    write_whole(path, f"{text}\n".encode())


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows with the columns of the first one.

    Raises:
        InputError: The file cannot be written.
    """
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, fieldnames=list(rows[0]) if rows else [])
    writer.writeheader()
    writer.writerows(rows)
    write_whole(path, text.getvalue().encode())


def write_whole(path: Path, *parts: bytes | memoryview) -> None:
    """Write a file so that whoever sees it sees all of it, also after a power failure.

    Args:
        path: Its folder is made.
        parts: Content, one after the other.

    Raises:
        InputError: The file cannot be written; an earlier one is left as it was.
    """
    partial = path.with_name(f".{path.name}.partial")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with partial.open("wb") as file:
                for part in parts:
                    file.write(part)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        except OSError:
            with suppress(OSError):
                partial.unlink()
            raise


def read_figures(path: Path, remedy: str = "rerun its stage") -> dict[str, Any]:
    """Read a JSON object of figures that a stage has written.

    Args:
        path: The file.
        remedy: What makes it anew.

    Returns:
        Finite numbers, texts and None by name; or objects of these.

    Raises:
        InputError: The file cannot be read, or holds something else.
    """
    refuse_pipe(path, remedy)
    try:
        content = json.loads(
            path.read_text(encoding="utf-8"),
            parse_constant=_refuse_constant,
            object_pairs_hook=once_each,
        )
    except OSError as error:
        raise refused(error, path) from error
    except (ValueError, RecursionError) as error:
        raise no_json(path, error, remedy) from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: not a JSON object; {remedy}")
    if fault := _fault_of_figures(content):
        raise InputError(f"{path}: {fault}; {remedy}")
    return content


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _fault_of_figures(content: Mapping[str, Any], within: tuple[str, ...] = ()) -> str:
    """The first entry that is no figure, by its dotted path; "" if all are."""
    for name, value in content.items():
        place = ".".join((*within, name))
        if isinstance(value, dict):
            if len(within) == _DEEPEST:
                return f"{place[:_SHOWN]} nests too deep"
            if fault := _fault_of_figures(value, (*within, name)):
                return fault
        elif not (isinstance(value, str | None) or _is_figure(value)):
            return f"{place[:_SHOWN]} is {repr(value)[:_SHOWN]}, no finite number"
    return ""


def _is_figure(value: object) -> bool:
    return type(value) in (int, float) and abs(cast(float, value)) <= sys.float_info.max


def write_sealed(path: Path, content: bytes | memoryview) -> None:
    """Write a file that `read_sealed` tells from a damaged one.

    Raises:
        InputError: The file cannot be written.
    """
    write_whole(path, hashlib.sha256(content).digest(), content)


def read_sealed(path: Path) -> memoryview | None:
    """What `write_sealed` wrote; None where there is no such file or it was damaged."""
    try:
        content = memoryview(path.read_bytes())
    except OSError:
        return None
    seal, rest = content[:_SEAL_BYTES], content[_SEAL_BYTES:]
    return rest if seal == hashlib.sha256(rest).digest() else None


def sync(path: Path) -> None:
    """Bring a file, or a folder with all that is in it, to the disk."""
    for place in (path, *path.rglob("*")):
        file = os.open(place, os.O_RDONLY)
        try:
            os.fsync(file)
        finally:
            os.close(file)


def _rounded(content: Any) -> Any:
    if isinstance(content, float):
        return round(content, 6)
    if isinstance(content, Mapping):
        return {key: _rounded(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_rounded(value) for value in content]
    return content
