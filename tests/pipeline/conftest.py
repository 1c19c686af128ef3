"""The whole graph, reproduced once at a smoke scale in a temporary clone."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from filelock import FileLock

from tests.pipeline.warm import Server
from trust.clone import Clone, clean_environment, fill

# The first file reproduces the graph. Those after it do without, so that a second process has
# something to do meanwhile.
FIRST = ("repro", "dependencies", "knobs", "remotes", "real_keyframe", "own_data")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order = {f"test_{name}.py": place for place, name in enumerate(FIRST)}
    items.sort(key=lambda item: order.get(item.path.name, len(order)))


@dataclass(frozen=True)
class WarmClone(Clone):
    """A clone whose stages start in a fork of a server."""

    server: Server

    def run_stage(
        self, name: str, *arguments: str, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """As that of `Clone`."""
        known = {**self.environment, **environment, "PYTHONPATH": "src"}
        return self.server.run(f"stages.{name}", arguments, self.root, known)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """Runs stages of all clones."""
    server = Server()
    yield server
    server.close()


@pytest.fixture(scope="session")
def reproduced(tmp_path_factory: pytest.TempPathFactory, server: Server) -> Clone:
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
            fill(making, workers=1)  # to start more takes longer than the work
            (root / "repro.log").write_text(making.dvc("repro"))
            root.rename(made)
    return WarmClone(made, environment, server).copied_to(tmp_path_factory.mktemp("clone") / "main")


@pytest.fixture
def copy(reproduced: Clone, tmp_path: Path) -> Clone:
    """A copy of the reproduced clone, to be changed at will."""
    return reproduced.copied_to(tmp_path / "copy")
