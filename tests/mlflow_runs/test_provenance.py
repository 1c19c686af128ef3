import hashlib
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from cm3d.errors import InputError
from cm3d.mlflow_runs.provenance import committed_params, files_of_stages, read_provenance

STAGES = {"fuse", "pretrain", "evaluate"}


@pytest.fixture(autouse=True)
def _no_experiment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DVC_EXP_NAME", raising=False)
    monkeypatch.delenv("DVC_EXP_BASELINE_REV", raising=False)


def test_tags_name_experiment_and_outputs(
    tmp_path: Path, write_lock: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DVC_EXP_NAME", "brave-lamp")
    monkeypatch.setenv("DVC_EXP_BASELINE_REV", "abc123")
    found = read_provenance(write_lock(tmp_path), STAGES)
    assert found.run_name == "brave-lamp"
    assert found.tags == {
        "dvc.exp": "brave-lamp",
        "dvc.baseline_rev": "abc123",
        "dvc.lock.md5": found.lock_md5,
        "mlflow.source.name": "dvc.yaml",
        "dvc.out.data/pseudo_labels": "aa.dir",
        "dvc.out.data/models/pretrain": "bb.dir",
    }


def test_the_digest_follows_outputs_and_not_the_stage_track(
    tmp_path: Path, write_lock: Callable[..., Path]
) -> None:
    first = read_provenance(write_lock(tmp_path / "a"), STAGES)
    tracked_again = read_provenance(
        write_lock(tmp_path / "b", track="other command"), STAGES | {"track"}
    )
    other_labels = read_provenance(write_lock(tmp_path / "c", labels_md5="zz.dir"), STAGES)
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
    tags = read_provenance(write_lock(tmp_path), STAGES).tags
    assert tags["git.commit"] == tags["mlflow.source.git.commit"] == head.stdout.strip()


def test_committed_parameters_are_those_of_the_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert committed_params(tmp_path) is None
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "n")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "e")
    (tmp_path / "params.yaml").write_text("seed: 0\n")
    for step in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "m"]):
        subprocess.run(["git", "-C", str(tmp_path), *step], check=True)
    (tmp_path / "params.yaml").write_text("seed: 1\n")
    assert committed_params(tmp_path) == {"seed": 0}


def test_a_part_of_the_stages_is_another_run_without_the_hashes_of_the_rest(
    tmp_path: Path, write_lock: Callable[..., Path]
) -> None:
    write_lock(tmp_path)
    part, whole = read_provenance(tmp_path, {"fuse"}), read_provenance(tmp_path, STAGES)
    assert part.lock_md5 != whole.lock_md5
    assert [tag for tag in part.tags if tag.startswith("dvc.out")] == ["dvc.out.data/pseudo_labels"]


def test_a_name_is_the_runs_unless_dvc_gave_one(
    tmp_path: Path, write_lock: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_lock(tmp_path)
    found = read_provenance(tmp_path, {"fuse"}, name="labels only")
    assert (found.run_name, found.tags["dvc.exp"]) == ("labels only", "labels only")
    monkeypatch.setenv("DVC_EXP_NAME", "brave-lamp")
    assert read_provenance(tmp_path, {"fuse"}, name="labels only").run_name == "brave-lamp"


def test_without_a_stage_there_is_no_run(tmp_path: Path, write_lock: Callable[..., Path]) -> None:
    with pytest.raises(InputError, match=r"dvc\.lock: no stage agrees with params\.yaml"):
        read_provenance(write_lock(tmp_path), {"segment"})


def test_files_are_those_that_the_stages_wrote(
    tmp_path: Path, write_lock: Callable[..., Path]
) -> None:
    files = [Path("metrics/pretrain.json"), Path("metrics/stray.json")]
    for file in files:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text('{"loss": 0.5}')
    (tmp_path / "metrics/.gitignore").touch()  # DVC's own
    md5 = hashlib.md5(b'{"loss": 0.5}').hexdigest()
    write_lock(tmp_path, more_outs={"pretrain": [{"path": str(files[0]), "md5": md5}]})
    pretrain, stray = map(str, files)
    folder = Path("metrics")
    assert files_of_stages(tmp_path, folder, STAGES) == ([files[0]], [stray])
    assert files_of_stages(tmp_path, folder, {"fuse"}) == ([], ["pretrain", stray])
    (tmp_path / pretrain).write_text('{"loss": 0.6}')
    assert files_of_stages(tmp_path, folder, STAGES) == ([], [pretrain, stray])


@pytest.mark.parametrize("content", ["", "stages: [1]", "{", "a: 1"])
def test_a_broken_lock_is_one_line(tmp_path: Path, content: str) -> None:
    (tmp_path / "dvc.lock").write_text(content)
    with pytest.raises(InputError, match=r"dvc\.lock: not .*; restore it with Git"):
        read_provenance(tmp_path, STAGES)


def test_a_missing_lock_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"dvc\.lock: missing"):
        read_provenance(tmp_path, STAGES)
