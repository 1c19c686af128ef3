"""`dvc repro` of the whole graph at a smoke scale, and what users expect of it."""

import json
import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from cm3d.evaluation.nuscenes.summary import HEADLINES, PRESENT_HEADLINES
from cm3d.execution.pipeline import output_paths, read_stages
from cm3d.params import load_params
from cm3d.splits.labelled import is_labelled, is_unlabelled
from cm3d.tables import Frames, GroundTruth, layout, read_scenes
from experiments.overrides import write_overrides
from stages.report import ROWS, read_scores
from trust.clone import STAGES, Clone, stages_run


def table_bytes(clone: Clone, folder: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (clone.root / "data" / folder).iterdir()}


def test_every_stage_ran_and_left_its_outputs(reproduced: Clone) -> None:
    assert stages_run((reproduced.root / "repro.log").read_text()) == STAGES
    for stage in read_stages(reproduced.root / "dvc.yaml").values():
        for name in output_paths(stage):
            out = reproduced.root / name
            # masks and maps are not scored by class, and what sam3d proposes has none
            unclassed = tuple(f"classes/{scored}.json" for scored in ("masks", "map", "sam3d"))
            empty = "agnostic" in name or "plots" in name or name.endswith(unclassed)
            assert out.exists(), name
            assert empty or (any(out.iterdir()) if out.is_dir() else json.loads(out.read_text()))
    assert not list(reproduced.root.glob("data/.*.partial"))
    assert not list((reproduced.root / ".cache/resume").iterdir())


def test_the_table_has_a_row_for_every_label_set_and_model(reproduced: Clone) -> None:
    scores = read_scores(reproduced.root / layout.EVALUATION)
    assert list(scores) == list(ROWS)
    for row in scores.values():
        assert list(row) == ["engine", *HEADLINES, *PRESENT_HEADLINES]
        assert row["engine"] == "fast"
    assert scores["pseudo_labels"]["mAP"] > 0.05


@pytest.mark.parametrize("name", ["lifted", "pseudo_labels"])
def test_both_engines_give_the_same_scores(copy: Clone, name: str) -> None:
    files = [copy.root / f"metrics/{kind}/{name}.json" for kind in ("evaluate", "evaluate_classes")]
    ours = [json.loads(file.read_text()) for file in files]
    copy.override({"evaluate.engine": "devkit"})
    copy.stage("evaluate", "nuscenes", name, f"data/{name}", "--frames", "scoring")
    theirs = [json.loads(file.read_text()) for file in files]
    assert (ours[0].pop("engine"), theirs[0].pop("engine")) == ("fast", "devkit")
    assert ours == theirs


def test_the_labelled_part_is_written_in_the_form_that_is_read(
    reproduced: Clone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(reproduced.root)
    params, frames = load_params(), read_scenes(Frames, layout.FRAMES, layout.all_scenes())
    file = str(layout.MODELS / "finetune" / "labelled_frames.json")
    listed = params.labels.model_copy(update={"frames_file": file})
    labelled = is_labelled(frames, listed, params.seed)
    assert labelled.sum() == 3
    assert labelled.tolist() == is_labelled(frames, params.labels, params.seed).tolist()
    lines = Path(file).read_text().splitlines()
    assert lines[1:-1] == sorted(lines[1:-1])
    assert len(lines) == 5


def test_every_set_of_labels_is_scored_where_it_is_trained_on(reproduced: Clone) -> None:
    for name in ("pseudo_labels_unlabelled", "relabel_r1", "relabel_r2", "relabel_r3"):
        scores = json.loads((reproduced.root / layout.EVALUATION / f"{name}.json").read_text())
        assert set(HEADLINES) <= scores.keys()


def test_one_model_is_scored_without_those_after_it(reproduced: Clone) -> None:
    # a dry run names the stages that the change itself touches: here all training
    params = reproduced.root / "params.yaml"
    before = params.read_text()
    try:
        write_overrides(params, {"detector.box_loss_weight": 0.2})
        rerun = {
            target: set(stages_run(reproduced.dvc("repro", "--dry", target)))
            for target in ("evaluate@finetune", "evaluate")
        }
    finally:
        params.write_text(before)
    assert rerun["evaluate@finetune"] == {"pretrain", "finetune", "predict@finetune"}
    everything = {name for name in STAGES if name.startswith(("pre", "fine", "relabel", "self"))}
    assert rerun["evaluate"] == everything


def test_second_repro_does_nothing(reproduced: Clone) -> None:
    assert stages_run(reproduced.dvc("repro")) == []
    assert "up to date" in reproduced.dvc("status")


@pytest.mark.parametrize(
    ("change", "first_rerun"),
    [
        ("segment.backend=sam", "segment"),
        ("import_labels.file=README.md", "import"),
        ("execution.engine=ray", None),
    ],
)
def test_a_knob_changes_one_stage(reproduced: Clone, change: str, first_rerun: str | None) -> None:
    # a dry run names the stages that the change itself touches; those downstream follow by data
    params = reproduced.root / "params.yaml"
    before = params.read_text()
    key, value = change.split("=")
    try:
        write_overrides(params, {key: yaml.safe_load(value)})
        rerun = set(stages_run(reproduced.dvc("repro", "--dry")))
    finally:
        params.write_text(before)
    rerun = {name.split("@")[0] for name in rerun - {"track"}}  # it records every change
    assert rerun == ({first_rerun} if first_rerun else set())


def runs_of(database: Path) -> list[dict[str, str]]:
    with sqlite3.connect(database) as connection:
        rows = connection.execute("select run_uuid, key, value from tags").fetchall()
    connection.close()
    keys = dict.fromkeys(run for run, _, _ in rows)
    return [{k: v for r, k, v in rows if r == run} for run in keys]


def test_mlflow_has_the_run_and_what_ties_it_to_the_data(reproduced: Clone) -> None:
    (run,) = runs_of(reproduced.root / "mlflow.db")
    head = reproduced.run("git", "rev-parse", "HEAD").stdout.strip()
    assert run["git.commit"] == head
    assert run["dvc.lock.md5"]


def test_mlflow_draws_what_is_compared_side_by_side(reproduced: Clone) -> None:
    with sqlite3.connect(reproduced.root / "mlflow.db") as connection:
        names = {name for (name,) in connection.execute("select distinct key from metrics")}
    connection.close()
    assert {
        *("mAP/finetune", "mAP/pseudo_labels", "NDS/relabel_r1", "map50/boxes2d"),
        *("loss/pretrain", "loss/selftrain_r1", "gradient/finetune"),
    } <= names
    assert len(names) < 150


def test_an_ablation_reruns_what_lies_downstream(reproduced: Clone) -> None:
    change = ("--temp", "-S", "lift.medoid_compensation=false")
    said = reproduced.dvc("exp", "run", *change, "evaluate@lifted", "evaluate@finetune")
    learned = ["lift", "fuse", "pretrain", "finetune", "predict@finetune"]
    assert stages_run(said) == [*learned, "evaluate@lifted", "evaluate@finetune"]


def test_an_experiment_is_tracked(reproduced: Clone) -> None:
    before = len(runs_of(reproduced.root / "mlflow.db"))
    # so small a change makes the same labels, which spares all trainings
    change = "fuse.min_iou=0.6000001"
    said = reproduced.dvc("exp", "run", "--temp", "-n", "probe", "-S", change)
    assert stages_run(said) == ["fuse", "track"]
    runs = runs_of(reproduced.root / "mlflow.db")
    assert len(runs) == before + 1
    assert "probe" in {run.get("dvc.exp") for run in runs}
    with sqlite3.connect(reproduced.root / "mlflow.db") as connection:
        changed = connection.execute("select key, value from params where key like 'changed%'")
        assert changed.fetchall() == [("changed.fuse.min_iou", "0.6000001")]
    connection.close()


def test_truth_of_the_unlabelled_part_scores_labels_and_reaches_no_model(
    reproduced: Clone, copy: Clone
) -> None:
    changed, params = 0, load_params(copy.root / "params.yaml")
    index = copy.root / layout.FRAMES
    everyone = read_scenes(Frames, index, [path.stem for path in sorted(index.glob("*.parquet"))])
    hidden = set(everyone.sample_token[is_unlabelled(everyone, params.labels, params.seed)])
    for path in sorted((copy.root / "data/index/ground_truth").glob("*.parquet")):
        truth = GroundTruth.read(path)
        moved = truth.center_m.copy()
        rows = [token in hidden for token in truth.sample_token]
        moved[rows] += 5.0
        changed += sum(rows)
        path.chmod(0o644)
        path.unlink()
        truth.replace(center_m=moved).write(path)
    assert changed > 0
    for stage in ("pretrain", "finetune"):
        copy.stage(stage)
        assert copy.model_bytes(stage) == reproduced.model_bytes(stage), stage
    copy.stage("relabel", "--round", "1")
    copy.stage("selftrain", "--round", "1")
    assert copy.model_bytes("selftrain_r1") == reproduced.model_bytes("selftrain_r1")
    copy.stage("fuse")
    for labels in ("pseudo_labels", "pseudo_labels_r1"):
        assert table_bytes(copy, labels) == table_bytes(reproduced, labels), labels
    arguments = ("nuscenes", "pseudo_labels_unlabelled", "data/pseudo_labels", "--frames", "labels")
    copy.stage("evaluate", *arguments)
    file = "metrics/evaluate/pseudo_labels_unlabelled.json"
    scores = [c.root / file for c in (copy, reproduced)]
    assert scores[0].read_bytes() != scores[1].read_bytes()


def is_content(path: Path) -> bool:
    return path.is_file() and path.name != ".gitignore"


def test_number_of_workers_changes_no_byte(reproduced: Clone, tmp_path: Path) -> None:
    clone = replace(reproduced, root=tmp_path / "copy")
    names = ("src", "stages", "experiments", "taxonomies", "dvc.yaml", "params.yaml")
    clone.root.mkdir()
    for name in names:
        source, target = reproduced.root / name, clone.root / name
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    params = clone.root / "params.yaml"
    params.write_text(params.read_text().replace("workers: 1 ", "workers: 2 "))
    assert "workers: 2 " in params.read_text()
    for stage in ("download", "detect2d", "segment", "lift", "sam3d", "fuse"):
        clone.stage(stage)
    for folder in ("raw", "index", "boxes2d", "masks", "lifted", "sam3d", "pseudo_labels"):
        one, many = clone.root / "data" / folder, reproduced.root / "data" / folder
        files = {str(p.relative_to(many)) for p in many.rglob("*") if is_content(p)}
        assert files == {str(p.relative_to(one)) for p in one.rglob("*") if is_content(p)}
        differing = [f for f in sorted(files) if (one / f).read_bytes() != (many / f).read_bytes()]
        assert not differing
