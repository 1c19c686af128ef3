import subprocess
from pathlib import Path

import pytest

from cm3d.errors import InputError
from cm3d.params import NO_FILE
from experiments import trials
from experiments.paper_tables import Row
from experiments.trials import Trial, pipeline_state, plan_trials, time_left, trial_name

FINETUNED = Row(name="finetuned", target="evaluate@finetune")


def git(*arguments: str) -> None:
    identity = ("-c", "user.name=test", "-c", "user.email=test@example.org")
    subprocess.run(["git", *identity, *arguments], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A committed pipeline in the current folder."""
    monkeypatch.chdir(tmp_path)
    for name in (
        *("dvc.yaml", "params.yaml", "src/code.py", "stages/lift.py"),
        *("taxonomies/nuscenes.yaml", "README.md"),
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("1\n")
    git("init", "-q")
    git("add", "-A")
    git("commit", "-qm", "pipeline")
    return tmp_path


def test_equal_runs_have_one_name() -> None:
    targets = ["evaluate@finetune"]
    name = trial_name(targets, {"a": 1, "seed": 0}, "c0ffee")
    assert name.startswith("evaluate-finetune-")
    assert name == trial_name(targets, {"seed": 0, "a": 1}, "c0ffee")
    both = trial_name(["evaluate@lifted", *targets], {"a": 1, "seed": 0}, "c0ffee")
    assert both == trial_name([*targets, "evaluate@lifted"], {"a": 1, "seed": 0}, "c0ffee")
    others = [
        trial_name(targets, {"a": 1, "seed": 1}, "c0ffee"),
        trial_name(["evaluate@lifted"], {"a": 1, "seed": 0}, "c0ffee"),
        trial_name(targets, {"a": 1, "seed": 0}, "c0ffef"),
        both,
    ]
    assert len({name, *others}) == 5


def test_rows_with_equal_parameters_share_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trials, "pipeline_state", lambda: "c0ffee")
    monkeypatch.setattr(trials, "files_state", lambda overrides: "")
    pretrained = Row(name="pretrained", target="evaluate@pretrain")
    absent = Row(name="absent", missing="no BEVFusion")
    rows = [(pretrained, {"a": 1}), (absent, {}), (FINETUNED, {"a": 1}), (FINETUNED, {"a": 2})]
    first, second, third, *later = plan_trials(rows, [(3, 0), (4, 0)])
    assert [trial.seed for trial in later] == [4, 4, 4]
    assert first.name == second.name
    assert first.targets == second.targets == ("evaluate@finetune", "evaluate@pretrain")
    assert third.targets == ("evaluate@finetune",)
    assert third.changes == {"a": 2, "seed": 3}
    assert len({first.name, third.name, *(trial.name for trial in later)}) == 4


def test_another_draw_changes_the_labelled_part_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trials, "pipeline_state", lambda: "c0ffee")
    monkeypatch.setattr(trials, "files_state", lambda overrides: "")
    first, second = plan_trials([(FINETUNED, {"a": 1})], [(3, 0), (3, 2)])
    assert first.changes == {"a": 1, "seed": 3}
    assert second.changes == {"a": 1, "seed": 3, "labels.draw": 2}
    assert first.name != second.name
    assert (first.title, second.title) == ("finetuned, seed 3", "finetuned, seed 3, draw 2")
    (as_it_is,) = plan_trials([(FINETUNED, {"a": 1})], [(3, 2)], draw=2)
    assert as_it_is.changes == {"a": 1, "seed": 3}


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


def test_new_content_of_a_named_file_is_a_new_trial(repository: Path) -> None:
    (repository / "dvc.yaml").write_text("stages: {lift: {cmd: x, deps: ['${lift.prior}']}}\n")
    (repository / "params.yaml").write_text(f"lift: {{prior: {NO_FILE}}}\nseed: 0\n")

    def name(**overrides: str) -> str:
        (trial,) = plan_trials([(FINETUNED, overrides)], [(0, 0)])
        return trial.name

    none, mine = name(), {"lift.prior": "mine.yaml"}
    assert none == trial_name([FINETUNED.target], {"seed": 0}, pipeline_state())
    (repository / "mine.yaml").write_text("old")
    old = name(**mine)
    (repository / "mine.yaml").write_text("new")
    assert name(**mine) not in (old, none)
    (repository / "mine.yaml").write_text("old")
    assert (name(**mine), name()) == (old, none)


def test_metrics_are_found_in_any_experiment_that_has_them(repository: Path) -> None:
    trial = Trial(FINETUNED, 0, 0, {}, ("evaluate@finetune",), "lift-1")
    assert trial.find() is None
    git("update-ref", "refs/exps/aa/bb/lift-1", "HEAD")
    assert trial.find() is None
    for folder, text in (
        ("evaluate", '{"mAP": 0.5}'),
        ("evaluate_classes", '{"car": {"AP": 0.75, "AOE": null}}'),
    ):
        metrics = repository / "metrics" / folder / "finetune.json"
        metrics.parent.mkdir(parents=True)
        metrics.write_text(text)
    git("add", "-A")
    git("commit", "-qm", "experiment")
    git("update-ref", "refs/exps/aa/cc/lift-1", "HEAD")
    assert trial.find() == {"mAP": 0.5, "car_AP": 0.75, "car_AOE": None}


def test_a_protocol_gives_figures_without_classes(repository: Path) -> None:
    row = Row(name="labels", target="evaluate@lifted", protocol="mine")
    trial = Trial(row, 0, 0, {}, ("evaluate@lifted",), "lift-1")
    metrics = repository / "metrics" / "evaluate_agnostic" / "lifted.json"
    metrics.parent.mkdir(parents=True)
    metrics.write_text('{"mine": {"AP": 0.5, "ATE": 0.25, "NDS_without_motion": 0.4}, "other": {}}')
    git("add", "-A")
    git("commit", "-qm", "experiment")
    git("update-ref", "refs/exps/aa/bb/lift-1", "HEAD")
    assert trial.find() == {"AP": 0.5, "mATE": 0.25, "NDS": 0.4}
    other = Row(name="labels", target="evaluate@lifted", protocol="no such")
    assert Trial(other, 0, 0, {}, ("evaluate@lifted",), "lift-1").find() is None


def test_a_failed_command_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(trials, "_DVC", ("false",))
    with pytest.raises(InputError, match="`dvc exp run lift` failed"):
        trials._dvc("exp", "run", "lift")
    with pytest.raises(InputError, match="`git show nothing` failed: fatal"):
        trials._git("show", "nothing")


def test_time_left_is_that_of_as_many_runs_of_mean_length() -> None:
    assert time_left([], 10) == ""
    assert time_left([60, 180], 10) == ", about 20 min left"
