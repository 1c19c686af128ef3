"""JSON files that somebody else may have written."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cm3d.errors import InputError
from cm3d.params import read_content


def load_json(path: Path, remedy: str, object_hook: Callable[[Any], Any] | None = None) -> Any:
    """Read a JSON file, with or without a byte-order mark.

    Args:
        path: The file.
        remedy: What to do where it is none; ends the message.
        object_hook: As of `json.loads`.

    Raises:
        InputError: It is no file, unreadable, not UTF-8 or no JSON, or it nests too deep.
    """
    try:
        return json.loads(read_content(path, remedy), object_hook=object_hook)
    except RecursionError as error:
        raise InputError(f"{path}: no valid JSON (it nests too deep); {remedy}") from error
    except ValueError as error:
        raise InputError(f"{path}: no valid JSON ({error}); {remedy}") from error
