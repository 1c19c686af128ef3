import subprocess
from pathlib import Path

import pytest

from cm3d.errors import InputError
from experiments import dvc_experiments
from experiments.dvc_experiments import experiment_name, find_metrics, pipeline_state


def git(*arguments: str) -> None:
    identity = ("-c", "user.name=test", "-c", "user.email=test@example.org")
    subprocess.run(["git", *identity, *arguments], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A committed pipeline in the current folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("dvc.yaml", "params.yaml", "src/code.py", "stages/lift.py", "README.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("1\n")
    git("init", "-q")
    git("add", "-A")
    git("commit", "-qm", "pipeline")
    return tmp_path


def test_equal_runs_have_one_name() -> None:
    name = experiment_name("evaluate@finetune", {"a": 1, "seed": 0}, "c0ffee")
    assert name.startswith("evaluate-finetune-")
    assert name == experiment_name("evaluate@finetune", {"seed": 0, "a": 1}, "c0ffee")
    others = [
        experiment_name("evaluate@finetune", {"a": 1, "seed": 1}, "c0ffee"),
        experiment_name("fuse", {"a": 1, "seed": 0}, "c0ffee"),
        experiment_name("evaluate@finetune", {"a": 1, "seed": 0}, "c0ffef"),
    ]
    assert len({name, *others}) == 4


def test_the_state_is_that_of_code_and_parameters_committed_or_not(repository: Path) -> None:
    before = pipeline_state()
    (repository / "README.md").write_text("2\n")
    assert pipeline_state() == before
    git("commit", "-qam", "results")
    assert pipeline_state() == before
    (repository / "src" / "code.py").write_text("2\n")
    changed = pipeline_state()
    assert changed != before
    git("commit", "-qam", "code")
    assert pipeline_state() != before


def test_metrics_are_found_in_any_experiment_that_has_them(repository: Path) -> None:
    metrics = Path("metrics/lift.json")
    assert find_metrics("lift-1", metrics) is None
    git("update-ref", "refs/exps/aa/bb/lift-1", "HEAD")
    assert find_metrics("lift-1", metrics) is None
    metrics.parent.mkdir()
    metrics.write_text('{"mAP": 0.5}')
    git("add", "-A")
    git("commit", "-qm", "experiment")
    git("update-ref", "refs/exps/aa/cc/lift-1", "HEAD")
    assert find_metrics("lift-1", metrics) == {"mAP": 0.5}


def test_a_failed_command_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(dvc_experiments, "_DVC", ("false",))
    with pytest.raises(InputError, match="`dvc exp run lift` failed"):
        dvc_experiments._dvc("exp", "run", "lift")
    with pytest.raises(InputError, match="`git show nothing` failed: fatal"):
        dvc_experiments._git("show", "nothing")
