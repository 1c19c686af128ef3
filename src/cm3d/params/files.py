"""Files that people and other programs write: their text, YAML, JSON."""

import json
import stat
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from cm3d.errors import InputError

_LONGEST_YAML: Final = 4_000_000  # bytes; a minute to parse
_SHOWN_FAULTS: Final = 8


def check_file(path: Path, remedy: str, folders: bool = False) -> Path:
    """A path that leads to a regular file, as it is: what else can be opened may never end.

    Args:
        path: The path; links are followed.
        remedy: What to do if it does not, as in `correct labels.frames_file`.
        folders: A folder will do too.

    Raises:
        InputError: It leads nowhere, or to something else.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError as error:
        raise InputError(f"{path}: missing; {remedy}") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: cannot be read ({reason}); {remedy}") from error
    if stat.S_ISREG(mode) or (folders and stat.S_ISDIR(mode)):
        return path
    what = "a folder" if stat.S_ISDIR(mode) else "a pipe, socket or device"
    raise InputError(f"{path}: is {what}, not a file; {remedy}")


def refuse_pipe(path: Path, remedy: str) -> None:
    """Refuse what can be opened and may never end, as `check_file` does; nothing else.

    Raises:
        InputError: It is a pipe, socket or device.
    """
    if path.exists() and not path.is_dir():
        check_file(path, remedy)


def read_content(path: Path, remedy: str) -> bytes:
    """The bytes of a file; arguments as of `check_file`.

    Raises:
        InputError: It is no file, or cannot be read.
    """
    try:
        return check_file(path, remedy).read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); {remedy}") from error


def read_yaml(path: Path, remedy: str = "run from the project's root") -> dict[str, Any]:
    """Read a YAML mapping in UTF-8; a byte-order mark is skipped.

    Args:
        path: The file.
        remedy: What to do if it is not there.

    Raises:
        InputError: The file is missing or holds something else.
    """
    raw = read_content(path, remedy)
    if len(raw) > _LONGEST_YAML:
        raise InputError(f"{path}: {len(raw)} bytes of YAML, over {_LONGEST_YAML}; shorten it")
    try:
        content = YAML(typ="safe").load(raw.decode("utf-8-sig"))
    except (YAMLError, ValueError, OverflowError, RecursionError, TypeError) as error:
        raise InputError(f"{path}: not valid YAML: {_brief(error)}; correct it") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: not a mapping; write keys with values into it")
    return content


def read_json(
    path: Path, remedy: str, of_object: Callable[[dict[str, Any]], Any] = lambda record: record
) -> Any:
    """Read a JSON file in any encoding of Unicode.

    Args:
        path: The file.
        remedy: What to do if it is none, as in `correct labels.frames_file`.
        of_object: What stands for an object, from the innermost on; the object itself if left out.

    Raises:
        InputError: It is no file, or no JSON in which each key stands once.
    """
    content = read_content(path, remedy)
    try:
        return json.loads(content, object_pairs_hook=lambda pairs: of_object(once_each(pairs)))
    except (ValueError, RecursionError) as error:
        raise no_json(path, error, remedy) from error


def no_json(path: Path, error: Exception, remedy: str) -> InputError:
    """What a file that `json` cannot read is to a user."""
    reason = "it nests too deep" if isinstance(error, RecursionError) else _brief(error)
    return InputError(f"{path}: not valid JSON ({reason}); {remedy}")


def once_each(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON; of a key that stands twice, `json` would take the last in silence.

    Raises:
        ValueError: A key does.
    """
    content = dict(pairs)
    if len(content) < len(pairs):
        key, _ = Counter(key for key, _ in pairs).most_common(1)[0]
        raise ValueError(f"key {key!r} stands twice")
    return content


def faults_of(error: ValidationError) -> str:
    """What is wrong with a file's content, each fault by its dotted path; of many, the first."""
    faults = []
    for fault in error.errors():
        path = ".".join(map(str, fault["loc"]))  # none where it concerns several sections
        message = fault["msg"].removeprefix("Value error, ")
        faults.append(f"{path}: {message}" if path else message)
    more = len(faults) - _SHOWN_FAULTS
    return "; ".join(faults[:_SHOWN_FAULTS]) + (f"; and {more} more" if more > 0 else "")


def _brief(error: Exception) -> str:
    """What an error says, on one line, of bounded length."""
    text = " ".join(str(error).split())
    return text if len(text) <= 300 else f"{text[:300]} ..."
