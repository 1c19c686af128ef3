"""A made keyframe with files on disk."""

from pathlib import Path
from typing import Any

import pytest

from tests.experiments.made_keyframe import write_keyframe


@pytest.fixture
def turning_vehicle(tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    """Root of a database and its keyframe, see `write_keyframe`."""
    return tmp_path, write_keyframe(tmp_path)
