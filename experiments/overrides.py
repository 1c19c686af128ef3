"""Overrides of params.yaml by dotted path."""

import copy
import re
from collections.abc import Mapping
from typing import Any

from cm3d.errors import InputError

_PLAIN_TEXT = re.compile(r"[A-Za-z_/.][\w/.:@%+-]*")
_BACKSLASHES_BEFORE_QUOTE = re.compile(r"(\\+)(?='|$)")
_KEYWORDS = {"null", "true", "false", "nan", "inf"}


def with_overrides(values: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of nested values with some leaves exchanged.

    Raises:
        InputError: A path is not there.
    """
    changed = copy.deepcopy(dict(values))
    for path, value in overrides.items():
        lookup(changed, path)
        *parents, leaf = path.split(".")
        section = lookup(changed, ".".join(parents)) if parents else changed
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


def as_arguments(overrides: Mapping[str, Any]) -> list[str]:
    """Overrides as `-S` arguments of `dvc exp run`, in Hydra's grammar."""
    return [
        argument
        for path, value in overrides.items()
        for argument in ("-S", f"{path}={_hydra_value(value)}")
    ]


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
