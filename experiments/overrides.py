"""Overrides of params.yaml by dotted path: applied, written, or as arguments of `dvc exp run`."""

import copy
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from dvc.utils.hydra import apply_overrides

from cm3d.errors import InputError
from cm3d.params import parse_params, read_yaml

PARAMS_FILE: Final = Path("params.yaml")

_PLAIN_TEXT: Final = re.compile(r"[A-Za-z_/.][\w/.:@%+-]*")
_BACKSLASHES_BEFORE_QUOTE: Final = re.compile(r"(\\+)(?='|$)")
_KEYWORDS: Final = {"null", "true", "false", "nan", "inf"}
# What bash splits, expands to file names, or hands on as a letter where `$(...)` has it.
_LOST_IN_SUBSTITUTION: Final = re.compile(r"[\s'\"\\*?]")


def checked_overrides(content: Any, source: str) -> dict[str, Any]:
    """Overrides by dotted path, as a file has them.

    Args:
        content: Of the file.
        source: Names it, for the message.

    Raises:
        InputError: They are something else.
    """
    if not isinstance(content, dict) or not all(isinstance(path, str) for path in content):
        raise InputError(f"{source}: no mapping of dotted paths to values; write {{}} for none")
    return dict(content)


def with_overrides(values: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of nested values with some leaves exchanged.

    Raises:
        InputError: A path is not there.
    """
    changed = copy.deepcopy(dict(values))
    for path, value in overrides.items():
        lookup(changed, path)
        parents, _, leaf = path.rpartition(".")
        section = lookup(changed, parents) if parents else changed
        section[leaf] = value
    return changed


def lookup(values: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path.

    Raises:
        InputError: The path is not there.
    """
    found: Any = values
    for key in path.split("."):
        if not isinstance(found, Mapping) or key not in found:
            raise InputError(f"override {path}: params.yaml has no such key; correct the path")
        found = found[key]
    return found


def write_overrides(path: Path, overrides: Mapping[str, Any]) -> None:
    """Apply overrides to a parameter file, whole or not at all, as `dvc exp run -S` does it.

    Comments are kept.

    Raises:
        InputError: A path is not there, the outcome is not valid, or the file cannot be written.
    """
    parse_params(with_overrides(read_yaml(path), overrides), source=str(path))
    partial = path.with_name(f".partial.{path.name}")  # DVC reads its kind from the end
    try:
        shutil.copy(path, partial)
        apply_overrides(partial, as_arguments(overrides)[1::2])
        partial.replace(path.resolve())
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written ({error.strerror}); free or chmod it"
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def as_arguments(overrides: Mapping[str, Any]) -> list[str]:
    """Overrides as `-S` arguments of `dvc exp run`, in Hydra's grammar."""
    return [
        argument
        for path, value in overrides.items()
        for argument in ("-S", f"{path}={_hydra_value(value)}")
    ]


def as_words(overrides: Mapping[str, Any]) -> str:
    """The same as text for `dvc exp run $(...)`, which bash splits at blanks, quotes or not.

    Raises:
        InputError: A value needs quotes.
    """
    arguments = as_arguments(overrides)
    for argument in arguments:
        if _LOST_IN_SUBSTITUTION.search(argument):
            path, _, value = argument.partition("=")
            raise InputError(
                f"{path}: {value} needs quotes, which `$(...)` does not hand on; write it into "
                "params.yaml with --write"
            )
    return " ".join(arguments)


def _hydra_value(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{','.join(map(_hydra_value, value))}]"
    if isinstance(value, str) and not _is_plain(value):
        escaped = _BACKSLASHES_BEFORE_QUOTE.sub(r"\1\1", value).replace("'", "\\'")
        return f"'{escaped}'"
    return str(value)


def _is_plain(text: str) -> bool:
    return bool(_PLAIN_TEXT.fullmatch(text)) and text.lower() not in _KEYWORDS
