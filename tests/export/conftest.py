"""A made keyframe with files on disk, and a workspace."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stages.export import main
from tests.export.made_keyframe import write_keyframe
from tests.export.workspace import write_workspace

Export = Callable[..., Path]


@pytest.fixture
def turning_vehicle(tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    """Root of a database and its keyframe, see `write_keyframe`."""
    return tmp_path, write_keyframe(tmp_path)


@pytest.fixture
def workspace(bare_workspace: Path) -> Path:
    """The current folder, see `write_workspace`."""
    write_workspace()
    return bare_workspace


@pytest.fixture
def export(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Export:
    """Run the command with these words; the folder that it writes."""

    def export(format_name: str, folder: Path, *options: str, out: str = "out") -> Path:
        words = ["export", format_name, str(folder), out, *options]
        monkeypatch.setattr("sys.argv", words)
        main()
        return Path(out)

    return export
