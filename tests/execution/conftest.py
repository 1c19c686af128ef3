"""A project with one stage in an empty folder, run in this process or by itself."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cm3d.params import Execution

PIPELINE = """
stages:
  detect2d:
    cmd: run
    deps: [code.py]
    params: [seed]
"""

# What kills leaves a file, so that the next attempt goes well. Ray's workers are children of their
# node's raylet, whose command line has the node's address.
STAGE = """
import json, os, signal, sys, time
from functools import partial
from pathlib import Path

from cm3d.errors import InputError
from cm3d.execution.publication import publication
from cm3d.execution.scenes import write_noted_tables
from cm3d.params import Execution
from cm3d.tables import Boxes2D
from cm3d.tables.noted import UNREADABLE, Noted


def first(what):
    try:
        Path(what).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def make(scene, plan, stage):
    with open("attempts.txt", "a") as file:
        print(scene, os.getpid(), file=file)
    if "kill_node" in plan:
        raylet = Path(f"/proc/{os.getppid()}/cmdline").read_text()
        if plan["kill_node"] in raylet and first("killed-node"):
            os.kill(os.getppid(), signal.SIGKILL)
            time.sleep(60)
        while not Path("killed-node").exists():
            time.sleep(0.1)
    if scene == plan.get("kill_worker") and first("killed-worker"):
        os.kill(os.getpid(), signal.SIGKILL)
    if scene == plan.get("kill_stage") and first("killed-stage"):
        os.kill(stage, signal.SIGKILL)
        time.sleep(60)
    if scene == plan.get("broken"):
        raise InputError(f"{scene}: broken; mend it")
    left_out = {UNREADABLE: (f"{scene}.jpg",)} if scene == plan.get("unreadable") else {}
    return Noted(Boxes2D([scene], [len(scene)], ["car"], [0.5], [[0, 0, 1, 1]]), left_out)


if __name__ == "__main__":
    plan = json.loads(sys.argv[1])
    work = partial(make, plan=plan, stage=os.getpid())
    sizes = {f"scene-{number}": 10 for number in range(plan["scenes"])}
    try:
        with publication("detect2d") as made:
            folder = made.folder(Path(plan["out"]))
            write_noted_tables("detect2d", folder, work, sizes, Execution(**plan["execution"]))
    except InputError as error:
        sys.exit(f"error: {error}")
"""


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project's root, the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    (tmp_path / "dvc.yaml").write_text(PIPELINE)
    (tmp_path / "params.yaml").write_text("seed: 0\n")
    (tmp_path / "code.py").write_text("pass\n")
    return tmp_path


@pytest.fixture
def execution() -> Execution:
    """In this process, without a GPU; a tenth of the images may be unreadable."""
    return Execution(
        engine="serial",
        workers=2,
        device="cpu",
        gpus_per_worker=1.0,
        readers=0,
        image_batch=1,
        box_batch=1,
        trainers=1,
        loaders=0,
        cached_clouds_gb=0.0,
        frame_batch=1,
        checkpoint_s=60.0,
        max_unreadable=0.1,
    )


@pytest.fixture
def run_stage_script(
    workspace: Path, execution: Execution, project: Path
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a stage of ten scenes by an engine, with whatever is to happen to it."""
    (workspace / "stage.py").write_text(STAGE)

    def run(engine: str, **plan: Any) -> subprocess.CompletedProcess[str]:
        chosen = {**execution.model_dump(), "engine": engine}
        content = {"scenes": 10, "out": "out", "execution": chosen, **plan}
        return subprocess.run(
            [sys.executable, "-m", "stage", json.dumps(content)],
            env={**os.environ, "PYTHONPATH": str(project / "src")},
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run


@pytest.fixture
def attempts(workspace: Path) -> Callable[[], list[str]]:
    """The scenes that were begun so far, in any process."""
    return lambda: [
        line.split()[0] for line in (workspace / "attempts.txt").read_text().splitlines()
    ]


@pytest.fixture
def bytes_of(workspace: Path) -> Callable[[str], dict[str, bytes]]:
    """What a folder contains, by name."""
    return lambda folder: {
        path.name: path.read_bytes() for path in sorted((workspace / folder).iterdir())
    }
