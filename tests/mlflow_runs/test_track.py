import hashlib
import json
import os
import shutil
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

import stages.track

PROJECT = Path(__file__).parents[2]


def test_a_part_of_the_pipeline_is_a_run_of_what_is_fresh(
    tmp_path: Path,
    write_lock: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    files = {
        "metrics/evaluate/labels.json": '{"mAP": 0.5}',
        "metrics/plots/ap/labels.json": "[]",
        "metrics/plots/fuse.csv": "step,loss\n1,7\n2,5\n",
        "metrics/pretrain.json": '{"loss": 0.25}',
        "metrics/plots/pretrain.csv": "step,loss\n1,0.25\n",
        "metrics/stray.json": '{"mAP": 0.75}',
    }
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    (tmp_path / "report.html").write_text("newer than the figures")
    (tmp_path / "report_old.html").write_text("older")
    os.utime(tmp_path / "report_old.html", (0, 0))
    hashes = {path: hashlib.md5(text.encode()).hexdigest() for path, text in files.items()}
    made = {"fuse": list(hashes)[:3], "pretrain": list(hashes)[3:5]}
    write_lock(
        tmp_path,
        more_outs={
            stage: [{"path": path, "md5": hashes[path]} for path in paths]
            for stage, paths in made.items()
        },
    )
    shutil.copy(PROJECT / "params.yaml", tmp_path)
    shutil.copytree(PROJECT / "taxonomies", tmp_path / "taxonomies")
    monkeypatch.chdir(tmp_path)
    for variable in ("DVC_ROOT", "DVC_EXP_NAME", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(sys, "argv", ["track", "--name", "labels only"])
    monkeypatch.setattr("cm3d.execution.pipeline.fresh_stages", lambda _: {"fuse"}, raising=False)
    stages.track.main()

    said = capsys.readouterr().out.splitlines()
    assert said[0] == f"MLflow: run 'labels only' created in sqlite:///{tmp_path}/mlflow.db"
    assert said[1].endswith(": pretrain, metrics/stray.json")
    assert len(said) == 2
    with closing(sqlite3.connect("mlflow.db")) as database:
        metrics = database.execute("select key, step, value from metrics order by key, step")
        assert metrics.fetchall() == [
            ("loss/fuse", 1, 7.0),
            ("loss/fuse", 2, 5.0),
            ("mAP/labels", 0, 0.5),
        ]
        (folder,) = database.execute("select artifact_uri from runs").fetchone()
        params = dict(database.execute("select key, value from params").fetchall())
    kept = {str(p.relative_to(folder[7:])) for p in Path(folder[7:]).rglob("*") if p.is_file()}
    assert kept == {*made["fuse"], "params.yaml", "report.html"}
    # outside Git nothing is known that could have changed
    assert params.keys() == {
        *("dataset.name", "detector.name", "labels.fraction", "seed", "taxonomy")
    }
    assert json.loads(Path(folder[7:], made["fuse"][0]).read_text()) == {"mAP": 0.5}
