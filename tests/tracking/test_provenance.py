import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from cm3d.errors import InputError
from cm3d.tracking.provenance import read_provenance


@pytest.fixture(autouse=True)
def _no_experiment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DVC_EXP_NAME", raising=False)
    monkeypatch.delenv("DVC_EXP_BASELINE_REV", raising=False)


def test_tags_name_experiment_and_outputs(
    tmp_path: Path, write_lock: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DVC_EXP_NAME", "brave-lamp")
    monkeypatch.setenv("DVC_EXP_BASELINE_REV", "abc123")
    found = read_provenance(write_lock(tmp_path))
    assert found.run_name == "brave-lamp"
    assert found.tags == {
        "dvc.exp": "brave-lamp",
        "dvc.baseline_rev": "abc123",
        "dvc.lock.md5": found.lock_md5,
        "dvc.out.data/pseudo_labels": "aa.dir",
        "dvc.out.data/models/pretrain": "bb.dir",
    }


def test_the_digest_follows_outputs_and_not_the_tracking_stage(
    tmp_path: Path, write_lock: Callable[..., Path]
) -> None:
    first = read_provenance(write_lock(tmp_path / "a"))
    tracked_again = read_provenance(write_lock(tmp_path / "b", track="other command"))
    other_labels = read_provenance(write_lock(tmp_path / "c", labels_md5="zz.dir"))
    assert first.lock_md5 == tracked_again.lock_md5 != other_labels.lock_md5
    assert first.run_name == f"workspace-{first.lock_md5[:7]}"


def test_the_commit_is_the_checked_out_one(
    tmp_path: Path, write_lock: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "n")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "e")
    git = ["git", "-C", str(tmp_path)]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "m"], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    assert read_provenance(write_lock(tmp_path)).tags["git.commit"] == head.stdout.strip()


@pytest.mark.parametrize("content", ["", "stages: [1]", "{", "a: 1"])
def test_a_broken_lock_is_one_line(tmp_path: Path, content: str) -> None:
    (tmp_path / "dvc.lock").write_text(content)
    with pytest.raises(InputError, match=r"dvc\.lock: not a DVC lock file"):
        read_provenance(tmp_path)


def test_a_missing_lock_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"dvc\.lock: missing"):
        read_provenance(tmp_path)
