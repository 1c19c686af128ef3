"""What a refusal is: one line that names the culprit, and nothing written."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cm3d.errors import InputError

Make = Callable[[Path], object]

# What may lie at a path without being a file that can be read, by its name.
NO_FILES: dict[str, Make] = {
    "absent": lambda path: None,
    "folder": lambda path: path.mkdir(),
    "named pipe": lambda path: os.mkfifo(path),
    "link to itself": lambda path: path.symlink_to(path),
    "link to nothing": lambda path: path.symlink_to(path.with_name("nothing")),
}


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


def of_other_systems(text: str) -> bytes:
    """A text as editors of other systems store it: a byte-order mark first, CR LF at line ends."""
    return b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode()


def content_of(folder: Path) -> dict[str, bytes]:
    """All files below a folder, to see that a refused action has changed none."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}
