"""YAML files that people write."""

from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from cm3d.errors import InputError


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML mapping.

    Raises:
        InputError: The file is missing or holds something else.
    """
    try:
        content = YAML(typ="safe").load(path.read_text())
    except FileNotFoundError as error:
        raise InputError(f"{path}: missing; run from the project's root") from error
    except (YAMLError, ValueError, OverflowError, RecursionError) as error:
        raise InputError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: not a mapping; restore it with Git")
    return content


def faults_of(error: ValidationError) -> str:
    """All that is wrong with a file's content, each fault by its dotted path."""
    faults = []
    for fault in error.errors():
        path = ".".join(map(str, fault["loc"]))  # none where it concerns several sections
        faults.append(f"{path}: {fault['msg']}" if path else fault["msg"])
    return "; ".join(faults)
