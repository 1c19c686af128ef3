"""What a refusal is: one line that names the culprit, and nothing written."""

from collections.abc import Callable
from pathlib import Path

import pytest

from cm3d.errors import InputError


def refuses(action: Callable[[], object], *words: str) -> str:
    """Check that an action ends in an InputError of one line that holds all words; the line.

    A message that names no culprit or no remedy is no refusal, so that `words` may not be empty.
    """
    assert words
    with pytest.raises(InputError) as caught:
        action()
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 600, message
    for word in words:
        assert word in message, f"{word!r} is not in: {message}"
    return message


def content_of(folder: Path) -> dict[str, bytes]:
    """All files below a folder, to see that a refused action has changed none."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}
