"""The whole graph, reproduced once at a smoke scale in a temporary clone."""

import shutil
import sys
from pathlib import Path

import pytest

from tests.pipeline.clone import Clone, clean_environment, copy_tree


@pytest.fixture(scope="session")
def fresh_clone(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone with the smoke preset, nothing reproduced."""
    root = tmp_path_factory.mktemp("clone")
    copy_tree(project, root)
    clone = Clone(root, clean_environment(tmp_path_factory.mktemp("home")))
    clone.run(sys.executable, "-m", "experiments.preset", "smoke", "--write", PYTHONPATH="src")
    for step in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "smoke"]):
        clone.run("git", *step)
    return clone


@pytest.fixture(scope="session")
def reproduced(fresh_clone: Clone) -> Clone:
    """The clone after `dvc repro`."""
    (fresh_clone.root / "repro.log").write_text(fresh_clone.dvc("repro"))
    return fresh_clone


@pytest.fixture
def copy(reproduced: Clone, tmp_path: Path) -> Clone:
    """A copy of the reproduced clone, to be changed at will."""
    shutil.copytree(reproduced.root, tmp_path / "copy", symlinks=True)
    return Clone(tmp_path / "copy", reproduced.environment)
