"""The whole graph, reproduced once at a smoke scale in a temporary clone."""

import os
import shutil
from pathlib import Path

import pytest
from filelock import FileLock

from trust.clone import Clone, clean_environment, fill


@pytest.fixture(scope="session")
def reproduced(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone with the smoke preset after `dvc repro`, and what that printed in `repro.log`.

    It is made once; each of several test processes has a copy.
    """
    base = tmp_path_factory.getbasetemp()
    together = "PYTEST_XDIST_WORKER" in os.environ
    made = (base.parent if together else base) / "reproduced"
    environment = clean_environment(tmp_path_factory.mktemp("home"))
    with FileLock(f"{made}.lock"):
        if not made.exists():
            root = tmp_path_factory.mktemp("making")
            making = Clone(root, environment)
            fill(making)
            (root / "repro.log").write_text(making.dvc("repro"))
            root.rename(made)
    root = tmp_path_factory.mktemp("clone") / "main"
    shutil.copytree(made, root, symlinks=True)
    return Clone(root, environment)


@pytest.fixture
def copy(reproduced: Clone, tmp_path: Path) -> Clone:
    """A copy of the reproduced clone, to be changed at will."""
    shutil.copytree(reproduced.root, tmp_path / "copy", symlinks=True)
    return Clone(tmp_path / "copy", reproduced.environment)
