"""A project with one stage in an empty folder, and how its work is spread."""

from pathlib import Path

import pytest

from cm3d.params import Execution

PIPELINE = """
stages:
  detect2d:
    cmd: run
    deps: [code.py]
    params: [seed]
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
        max_unreadable=0.1,
    )
