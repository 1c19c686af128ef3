"""Nested parameters and metrics as the flat names that MLflow holds."""

import math
import re
from collections.abc import Mapping
from typing import Any

_MAX_PARAM_LENGTH = 6000
_REFUSED_IN_NAMES = re.compile(r"[^\w. :/-]", re.ASCII)


def accepted_name(name: str) -> str:
    """A name with the characters that MLflow refuses exchanged for dashes."""
    return _REFUSED_IN_NAMES.sub("-", name)


def flat_params(params: Mapping[str, Any]) -> dict[str, str]:
    """Leaves by dotted path, as `-S` names them.

    Lists, and text longer than MLflow takes, are left to the `params.yaml` artifact.
    """
    leaves = {path: str(value) for path, value in _leaves(params, ".") if not _is_list(value)}
    return {
        accepted_name(path): text for path, text in leaves.items() if len(text) <= _MAX_PARAM_LENGTH
    }


def flat_metrics(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Finite numbers by path, levels divided by slashes, as MLflow groups its charts."""
    return {
        accepted_name(path): float(value)
        for path, value in _leaves(metrics, "/")
        if isinstance(value, int | float) and math.isfinite(value)
    }


def _leaves(values: Mapping[str, Any], separator: str, prefix: str = "") -> list[tuple[str, Any]]:
    found = []
    for key, value in values.items():
        path = f"{prefix}{key}"
        if isinstance(value, Mapping):
            found += _leaves(value, separator, f"{path}{separator}")
        else:
            found.append((path, value))
    return found


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)
