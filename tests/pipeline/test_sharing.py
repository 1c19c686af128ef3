"""Pseudo-labels travel: pushed from one clone, pulled and trained from in another."""

import shutil
from pathlib import Path

import pytest

from tests.pipeline.test_repro import stages_run
from trust.clone import Clone


def test_labels_are_pulled_without_what_made_them(reproduced: Clone, tmp_path: Path) -> None:
    origin = Clone(tmp_path / "origin", reproduced.environment)
    shutil.copytree(reproduced.root, origin.root, symlinks=True)
    origin.run("git", "add", "-A", "dvc.lock", "metrics")
    origin.run("git", "commit", "-qm", "results")
    origin.dvc("remote", "add", "-d", "storage", str(tmp_path / "remote"))
    origin.dvc("push", "data/pseudo_labels", "data/index")
    origin.run("git", "commit", "-qam", "remote")

    origin.run("git", "clone", "-q", str(origin.root), str(tmp_path / "clone"))
    clone = Clone(tmp_path / "clone", reproduced.environment)
    clone.dvc("pull", "data/pseudo_labels")
    in_git = {".gitignore", "none", "random"}
    files = (path for path in (clone.root / "data").rglob("*") if path.name not in in_git)
    assert {path.parent.name for path in files if path.is_file()} == {"pseudo_labels"}
    assert stages_run(clone.dvc("repro", "--dry", "--allow-missing", "fuse")) == []


@pytest.mark.parametrize(
    "command",
    [
        ("exp", "show", "--only-changed", "--no-pager"),
        ("metrics", "diff"),
        ("plots", "diff"),
        ("plots", "show"),
    ],
)
def test_comparison_commands_work(reproduced: Clone, command: tuple[str, ...]) -> None:
    assert "ERROR" not in reproduced.dvc(*command)


def test_a_detector_is_trained_without_images(reproduced: Clone, tmp_path: Path) -> None:
    """As the README has it: other knobs, labels and LiDAR from the remote, nothing else."""
    origin = Clone(tmp_path / "origin", reproduced.environment)
    shutil.copytree(reproduced.root, origin.root, symlinks=True)
    origin.run("git", "add", "-A", "dvc.lock", "metrics")
    origin.run("git", "commit", "-qm", "results")
    origin.dvc("remote", "add", "-d", "storage", str(tmp_path / "remote"))
    origin.dvc("push")
    origin.run("git", "commit", "-qam", "remote")
    origin.run("git", "clone", "-q", str(origin.root), str(tmp_path / "clone"))
    clone = Clone(tmp_path / "clone", reproduced.environment)
    change = ("-S", "pretrain.max_lr=0.003")
    said = clone.dvc("exp", "run", "--pull", "--allow-missing", *change, "pretrain")
    assert stages_run(said) == ["pretrain"]
    assert any((clone.root / "data/raw/lidar").rglob("*.bin"))
    assert not list((clone.root / "data/raw").rglob("*.jpg"))
    assert not (clone.root / "data/masks").exists()
