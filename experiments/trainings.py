"""How far the trainings below a process are, read from the states that they keep.

A training that goes on holds the lock of its folder in `.cache/resume` (`cm3d.execution.resume`),
so that those of this process are told from those of its neighbours. Where there is no /proc, as
on macOS, none is found.
"""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from cm3d.execution.files import read_sealed
from cm3d.execution.interruption import descendants

Rows = list[dict[str, float]]

_LOCK: Final = re.compile(r"(?P<stage>.+)-[0-9a-f]{12}(-\d+)?\.lock")
# The trainings of a stage, one after the other, below its folder.
_PARTS: Final = ("training", "fusion")


def trainings_of(ancestor: int, project: Path) -> dict[str, Path]:
    """Folders of unfinished work that processes below one hold, by stage.

    Args:
        ancestor: Number of the process.
        project: The one whose experiments share `.cache/resume`.
    """
    base = project.resolve() / ".cache" / "resume"
    found = {}
    for path in (path for process in descendants(ancestor) for path in _open_files(process)):
        name = _LOCK.fullmatch(path.name)
        if name and path.parent == base:
            found[name["stage"]] = path.with_name(path.name.removesuffix(".lock"))
    return found


def rows_of(folder: Path) -> Rows:
    """What a stage's trainings have learned up to their last state, a row a step, counted on."""
    rows: Rows = []
    for part in _PARTS:
        done = rows[-1]["step"] + 1 if rows else 0
        rows += [row | {"step": row["step"] + done} for row in _history(folder / part)]
    return rows


def _history(training: Path) -> Rows:
    with suppress(OSError, ValueError):
        finished: Rows = json.loads((training / "history.json").read_text())
        return finished
    sealed = read_sealed(training / "state" / "training.pt")
    if sealed is None:
        return []
    import torch

    # numbers alone: on this device weights have a shape and no content
    state: dict[str, Any] = torch.load(BytesIO(sealed), map_location="meta", weights_only=True)
    history: Rows = state["history"]
    return history


def _open_files(process: int) -> Iterator[Path]:
    with suppress(OSError):
        for link in Path(f"/proc/{process}/fd").iterdir():
            with suppress(OSError):
                yield link.readlink()
