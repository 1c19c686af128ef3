import json
import re
from pathlib import Path

import pytest

from cm3d.errors import InputError
from experiments import run, trials

ABSENT = {"name": "absent", "paper": {"mAP": 1.0, "NDS": 2.0}, "missing": "no BEVFusion"}
FUSE = {"target": "evaluate@pseudo_labels"}


class Experiments:
    """Experiments of a repository without DVC; the metrics of each have its seed's mAP."""

    def __init__(self) -> None:
        self.runs: list[tuple[str, ...]] = []
        self.removed: list[str] = []
        self.metrics: dict[str, dict[str, float] | None] = {}
        self.failing, self.state = "", "c0ffee"

    def dvc(self, *arguments: str) -> None:
        if arguments[1] == "remove":
            self.removed.append(arguments[-1])
            return
        self.runs.append(arguments)
        if self.failing and self.failing in arguments:
            raise InputError("failed; see above")
        seed = next(a for a in arguments if a.startswith("seed=")).removeprefix("seed=")
        name = arguments[arguments.index("--name") + 1]
        self.metrics[name] = {"mAP": int(seed) / 10, "NDS": 0.5}

    def git(self, *arguments: str) -> str:
        if arguments[0] == "for-each-ref":
            name = arguments[-1].rpartition("/")[2]
            return name if name in self.metrics else ""
        if arguments[0] == "show":
            scores = self.metrics[arguments[1].partition(":")[0]]
            if scores is None:
                raise InputError("no such file")
            return json.dumps({} if "evaluate_classes" in arguments[1] else scores)
        return self.state


@pytest.fixture
def experiments(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Experiments:
    """No experiment has been run yet; the current folder has the project's parameters."""
    made = Experiments()
    monkeypatch.setattr(trials, "_dvc", made.dvc)
    monkeypatch.setattr(trials, "_git", made.git)
    monkeypatch.chdir(tmp_path)
    for name in ("params.yaml", "dvc.yaml"):
        (tmp_path / name).write_text((project / name).read_text())
    (tmp_path / "taxonomies").symlink_to(project / "taxonomies")
    return made


def test_a_table_is_run_seed_by_seed_and_row_by_row(
    experiments: Experiments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = run.run_table("table2", [1, 2], presets=["smoke"])
    assert [call[-1] for call in experiments.runs] == [
        *["evaluate@lifted"] * 6,
        "evaluate@pseudo_labels",
    ] * 2
    for call in experiments.runs:
        assert "--temp" in call and "simulation.val_scenes=1" in call
    assert "lift.nms=false" in experiments.runs[0]
    assert "lift.nms=true" in experiments.runs[-1]
    assert len(experiments.metrics) == 14
    results = tmp_path / "experiments" / "results" / "smoke"
    assert (results / "table2.md").read_text() == text
    kept = json.loads((results / "table2.json").read_text())
    second = kept["rows"][0]["measured"][1]
    assert second.pop("run") in experiments.metrics
    assert second == {"seed": 2, "mAP": 20.0, "NDS": 50.0}
    assert "| Baseline | 15.0 ± 7.1 | 50.0 ± 0.0 | 18.6 | 17.8 |" in text
    run.run_table("table2", [1])
    names = {f"table2.{kind}" for kind in ("csv", "json", "md", "svg")}
    assert {path.name for path in results.parent.iterdir()} == {"smoke", *names}
    assert (results / "table2.md").read_text() == text
    said = capsys.readouterr().err
    assert "table2: 1 of 14: Baseline, seed 1\n" in said
    assert "table2: 14 of 14: + late fusion, seed 2, about 0 min left\n" in said
    assert "14 experiments, 14 to run: unknown (no past run of download, " in said
    assert said.index("14 experiments") < said.index("table2: 1 of 14")


def test_what_has_been_run_is_not_run_again(experiments: Experiments) -> None:
    before = run.run_table("table2", [1], presets=["smoke"])
    experiments.runs.clear()
    assert run.run_table("table2", [1], presets=["smoke"]) == before
    assert experiments.runs == []
    run.run_table("table2", [1, 2], presets=["smoke"])
    assert len(experiments.runs) == 7


def test_chosen_rows_are_run_and_earlier_ones_stay_in_the_table(experiments: Experiments) -> None:
    run.run_table("table2", [1], presets=["smoke"], only=["erosion"])
    assert len(experiments.runs) == 1
    experiments.runs.clear()
    text = run.run_table("table2", [1], presets=["smoke"], only=["Baseline", "fusion"])
    assert len(experiments.runs) == 2
    table = next(part for part in text.split("\n\n") if part.startswith("|"))
    there = [line for line in table.splitlines()[2:] if "not run" not in line]
    assert [line.split(" | ")[0] for line in there] == [
        "| Baseline",
        "| + mask erosion",
        "| + late fusion",
    ]
    with pytest.raises(InputError, match="--only: no row of table2 has 'no such' in its name"):
        run.run_table("table2", [1], presets=["smoke"], only=["no such"])


def test_another_seed_joins_those_of_earlier_nights(experiments: Experiments) -> None:
    run.run_table("table2", [1], presets=["smoke"])
    experiments.runs.clear()
    text = run.run_table("table2", [2], presets=["smoke"], only=["Baseline"])
    assert len(experiments.runs) == 1
    assert "seeds 1, 2, mean" in text
    assert "| Baseline | 15.0 ± 7.1 |" in text
    assert "| + late fusion | 10.0 |" in text


def test_draws_change_the_labelled_part_of_each_seed(experiments: Experiments) -> None:
    only = ["5%: CenterPoint + random"]
    text = run.run_table("table1", [1, 2], ["smoke"], only, draws=[0, 1, 2])
    drawn = [[word for word in call if "labels.draw" in word] for call in experiments.runs]
    assert drawn == [[], ["labels.draw=1"], ["labels.draw=2"]] * 2
    assert "seeds 1, 2, draws 0, 1, 2, mean ± standard deviation." in text
    assert "| 5%: CenterPoint + random initialisation | 15.0 ± 5.5 | 50.0 ± 0.0 |" in text


def test_figures_of_these_very_runs_count_where_the_experiments_are_gone(
    experiments: Experiments, capsys: pytest.CaptureFixture[str]
) -> None:
    before = run.run_table("table2", [1], presets=["smoke"])
    experiments.metrics.clear()
    experiments.runs.clear()
    assert run.run_table("table2", [1], presets=["smoke"]) == before
    assert experiments.runs == []
    experiments.state = "other code"
    run.run_table("table2", [1], presets=["smoke"])
    assert len(experiments.runs) == 7
    assert "7 earlier figures are of other code or parameters" in capsys.readouterr().err


def test_a_dry_run_says_what_all_tables_need_and_touches_nothing(
    experiments: Experiments,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("NUSCENES_ROOT", raising=False)
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.setattr("sys.argv", ["run", "all", "--preset", "paper", "--dry-run"])
    run.main()
    assert experiments.runs == []
    assert sorted(tmp_path.rglob("*")) == before
    said = capsys.readouterr().out
    tables = {part.partition(":")[0]: part for part in said.split("\n\n")}
    assert list(tables) == list(run.PAPER_TABLES)
    for name, text in tables.items():
        rows = re.split(r"\n  - ", text)[1:]
        assert len(rows) == len(run.load_table(name).rows)
        data = "waymo v2.0.1 (not there; set WAYMO_ROOT)"
        if name not in ("table9", "table10"):
            data = "nuscenes v1.0-trainval (not there; set NUSCENES_ROOT)"
        assert all(f"needs {data}" in row or ": not run: another " in row for row in rows)
        assert name == "table8" or "GPU, hours" in text
    assert "Detic in models/Detic (not there)" in tables["table2"]
    assert "IDEA-Research/grounding-dino-base (not pinned" in tables["table7"]
    assert "swin-tiny" in tables["table12"]


def test_nothing_runs_where_the_data_set_is_not_there(
    experiments: Experiments, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NUSCENES_ROOT", raising=False)
    monkeypatch.setattr("sys.argv", ["run", "table12", "--preset", "paper"])
    with pytest.raises(InputError, match="no nuscenes there; set NUSCENES_ROOT"):
        run.main()
    assert experiments.runs == []


def test_an_experiment_without_metrics_is_run_again(
    experiments: Experiments, tmp_path: Path
) -> None:
    run.run_table("table2", [1], presets=["smoke"])
    experiments.runs.clear()
    name = next(iter(experiments.metrics))
    experiments.metrics[name] = None
    run.run_table("table2", [1], presets=["smoke"])
    assert (experiments.removed, experiments.runs) == ([], [])  # the table still has its figures
    (tmp_path / "experiments/results/smoke/table2.json").unlink()
    run.run_table("table2", [1], presets=["smoke"])
    assert experiments.removed == [name]
    assert len(experiments.runs) == 1


def test_a_failed_run_stops_no_other_and_is_missing_in_the_table(
    experiments: Experiments, tmp_path: Path
) -> None:
    experiments.failing = "lift.sweeps=1"
    with pytest.raises(InputError, match="table2: 2 of 7 runs failed"):
        run.run_table("table2", [0])
    assert len(experiments.metrics) == 5
    there = (tmp_path / "experiments/results/table2.md").read_text()
    assert there.count("| not run | not run |") == 2
    experiments.runs.clear()
    experiments.failing = ""
    run.run_table("table2", [0])
    assert len(experiments.runs) == 2


def test_rows_that_cannot_run_are_not_run(
    experiments: Experiments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{"name": "runs", **FUSE}, ABSENT]
    table = run.PaperTable.model_validate({"title": "t", "rows": rows})
    monkeypatch.setattr(run, "load_table", lambda _: table)
    text = run.run_table("table0", [3])
    assert len(experiments.runs) == 1
    assert "| runs | 30.0 | 50.0 | - | - |  |" in text
    assert "| absent | not run | not run | 1.0 | 2.0 | no BEVFusion |" in text


def test_nothing_runs_if_a_row_is_invalid(experiments: Experiments, tmp_path: Path) -> None:
    params = tmp_path / "params.yaml"
    params.write_text(params.read_text().replace("nms_iou: 0.75", "nms_iou: -1"))
    with pytest.raises(InputError, match=r"params\.yaml: detect2d\.nms_iou"):
        run.run_table("table2", [0])
    assert experiments.runs == []
