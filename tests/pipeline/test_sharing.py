"""Pseudo-labels travel: pushed from one clone, pulled and trained from in another."""

import re
import sys
from pathlib import Path

import pytest

from cm3d.execution.pipeline import read_stages
from cm3d.tables import Masks
from tests.pipeline.test_repro import stages_run
from trust.clone import PROJECT, Clone


def pushed(reproduced: Clone, folder: Path, *outputs: str) -> Clone:
    """A fresh clone of one that has committed its results and pushed outputs, or all of them."""
    copy = reproduced.copied_to(folder / "origin")
    origin = Clone(copy.root, {**copy.environment, "HOME": str(folder)})
    origin.run("git", "add", "-A", "dvc.lock", "metrics")
    origin.run("git", "commit", "-qm", "results")
    origin.dvc("push", *outputs)
    origin.run("git", "clone", "-q", str(origin.root), str(folder / "clone"))
    return Clone(folder / "clone", origin.environment)


def test_labels_are_pulled_without_what_made_them(reproduced: Clone, tmp_path: Path) -> None:
    clone = pushed(reproduced, tmp_path, "data/pseudo_labels", "data/index")
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
        ("metrics", "diff", "--targets", "metrics/evaluate_classes/pseudo_labels.json"),
        ("metrics", "show", "metrics/scores/pseudo_labels.json"),
        ("plots", "diff"),
        ("plots", "show"),
    ],
)
def test_comparison_commands_work(reproduced: Clone, command: tuple[str, ...]) -> None:
    assert "ERROR" not in reproduced.dvc(*command)


def test_a_detector_is_trained_without_images(reproduced: Clone, tmp_path: Path) -> None:
    """As the README has it: other knobs, labels and LiDAR from the remote, nothing else."""
    clone = pushed(reproduced, tmp_path)
    change = ("--temp", "-n", "longer", "-S", "pretrain.max_lr=0.003")
    said = clone.dvc("exp", "run", "--pull", "--allow-missing", *change, "pretrain")
    assert stages_run(said) == ["pretrain"]
    assert "longer" in clone.dvc("exp", "list", "--name-only").split()
    pulled = [path for path in (clone.root / ".dvc/cache").rglob("*") if path.is_file()]
    assert not any(path.read_bytes()[:2] == b"\xff\xd8" for path in pulled)  # as JPEGs begin


def test_what_the_remote_lacks_is_named_before_the_stage_starts(
    reproduced: Clone, tmp_path: Path
) -> None:
    clone = pushed(reproduced, tmp_path, "data/index")
    clone.override({"detect2d.nms_iou": 0.51})
    command = ("-m", "dvc", "repro", "--pull", "--allow-missing", "detect2d")
    done = clone.run(sys.executable, *command, check=False)
    assert "failed to reproduce 'detect2d'" in done.stderr and "data/raw/images" in done.stderr
    assert "Running stage" not in done.stdout


def test_the_page_says_which_stage_reads_which_files_of_sensors() -> None:
    def shown(name: str) -> str:
        name = re.sub(r"_r\d$", "_rN", name) if "@" not in name else name
        name = re.sub(r"^predict@.*", "predict@MODEL", name)
        return name if name == "evaluate@masks" else re.sub(r"^evaluate@.*", "evaluate@NAME", name)

    page = (PROJECT / "docs/share.md").read_text()
    rows = dict(re.findall(r"^\| (`data/raw/(?:images|lidar)`) \| (.*) \|$", page, re.M))
    stages = read_stages(PROJECT / "dvc.yaml")
    for files, said in rows.items():
        readers = {shown(n) for n, stage in stages.items() if files.strip("`") in stage["deps"]}
        assert set(re.findall(r"`([^`]+)`", said)) == readers
    assert len(rows) == 2


def test_masks_of_ones_own_come_in_by_a_parameter(copy: Clone, tmp_path: Path) -> None:
    """Copied, changed and named, as docs/share.md has it; in their place DVC puts its own back."""
    folder, edited = copy.root / "data/masks", tmp_path / "edited"
    edited.mkdir()
    made = {path.name: Masks.read(path) for path in folder.glob("*.parquet")}
    for name, masks in made.items():
        masks[: len(masks) // 2].write(edited / name)
        (folder / name).unlink()
        masks[: len(masks) // 2].write(folder / name)
    assert "lift" not in stages_run(copy.dvc("repro", "lift"))
    assert count(folder) == sum(map(len, made.values()))
    change = ("segment.backend=precomputed", f"segment.precomputed.file={edited}")
    said = copy.dvc("exp", "run", *(word for pair in change for word in ("-S", pair)), "lift")
    assert stages_run(said) == ["segment", "lift"]
    assert count(folder) == sum(len(masks) // 2 for masks in made.values())


def count(folder: Path) -> int:
    """Masks of all scenes."""
    return sum(len(Masks.read(path)) for path in folder.glob("*.parquet"))
