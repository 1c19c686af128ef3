import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cm3d.errors import InputError
from cm3d.evaluation.nuscenes.summary import HEADLINES
from cm3d.execution import pipeline
from cm3d.params import load_params
from cm3d.tables import layout
from stages import report
from stages.report import ROWS, describe, markdown_table, read_scores, renewal

SCORES = {name: 0.1 * index for index, name in enumerate(HEADLINES)}


@pytest.fixture
def printed(
    project: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Any:
    """What the report prints, given what is scored and which stages are fresh."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "140")
    (tmp_path / "params.yaml").write_text((project / "params.yaml").read_text())
    layout.EVALUATION.mkdir(parents=True)

    def run(scored: Mapping[str, object], fresh: list[str], *arguments: str) -> list[str]:
        for name, content in scored.items():
            (layout.EVALUATION / f"{name}.json").write_text(json.dumps(content))
        monkeypatch.setattr(pipeline, "fresh_stages", lambda _: set(fresh), raising=False)
        monkeypatch.setattr(report, "write_page", lambda *_: 1_234_567)
        monkeypatch.setattr("sys.argv", ["report", *arguments])
        report.main()
        return capsys.readouterr().out.splitlines()

    return run


def test_every_label_set_and_model_has_a_row(printed: Any) -> None:
    lines = printed({"pseudo_labels": SCORES, "unknown": {"AP": 0.3}}, ["evaluate@pseudo_labels"])
    header = next(line for line in lines if "mAP" in line)
    assert [name for name in HEADLINES if name in header] == list(HEADLINES)
    titles = [line.split("│")[1].strip() for line in lines if line.startswith("│")]
    assert titles == [
        "lifted boxes",
        "pseudo-labels",
        "pretrain",
        "finetune",
        "selftrain round 1",
        "selftrain round 2",
        "selftrain round 3",
        "labels of the unlabelled part",
        "relabels round 1",
        "relabels round 2",
        "relabels round 3",
    ]
    labels = next(line for line in lines if "pseudo-labels" in line)
    assert [cell.strip() for cell in labels.split("│")[2:4]] == ["0.000", "0.100"]
    unscored = next(line for line in lines if "pretrain" in line)
    assert [cell.strip() for cell in unscored.split("│")[2:-1]] == ["-"] * 7
    assert "left out" not in "".join(lines)


def test_markdown_has_the_same_rows(printed: Any) -> None:
    scores = {"engine": "fast", "mAP": 0.1234, "NDS": 0.5}
    lines = printed({"pretrain": scores}, ["evaluate@pretrain"], "--markdown")
    assert lines[0] == "| boxes of | mAP | NDS | mATE | mASE | mAOE | mAVE | mAAE |"
    assert "| pretrain | 0.123 | 0.500 | - | - | - | - | - |" in lines
    assert lines[-1] == (
        "Scores: data set sim (v1.0-trainval), taxonomy nuscenes, seed 0, scored on val, "
        "relabels on the unlabelled part of train, engine fast."
    )


def test_scores_by_waymos_metric_have_its_columns(printed: Any) -> None:
    scores = {"engine": "fast", "mAP_L1": 0.25, "mAPH_L1": 0.125, "mAP_L2": 0.2, "mAPH_L2": 0.1}
    lines = printed({"pretrain": scores}, ["evaluate@pretrain"], "--markdown")
    assert lines[0] == "| boxes of | mAP_L1 | mAPH_L1 | mAP_L2 | mAPH_L2 |"
    assert "| pretrain | 0.250 | 0.125 | 0.200 | 0.100 |" in lines
    assert "| finetune | - | - | - | - |" in lines


def test_what_is_older_than_its_input_is_left_out_and_named(printed: Any) -> None:
    scored = {"lifted": {"mAP": 0.25}, "finetune": {"mAP": 0.75}, "selftrain_r1": {"mAP": 0.5}}
    lines = printed(scored, ["lift", "evaluate@lifted"])
    shown = "\n".join(lines)
    assert "0.250" in shown
    assert "0.750" not in shown and "0.500" not in shown
    assert lines[-1] == (
        "Older than code, parameters or data, so left out: finetune, selftrain round 1; "
        "run `dvc repro evaluate@finetune evaluate@selftrain_r1`"
    )
    assert lines[-1] == renewal(["finetune", "selftrain_r1"])


@pytest.mark.parametrize(
    ("engines", "expected"),
    [(["fast", "fast"], "fast"), (["fast", "devkit"], "devkit, fast"), ([None], "not recorded")],
)
def test_the_title_says_what_the_scores_belong_to(
    project: Path, engines: list[str | None], expected: str
) -> None:
    rows = [{"engine": engine} if engine else {} for engine in engines]
    title = describe(load_params(project / "params.yaml"), dict(zip(ROWS, rows, strict=False)))
    for part in ("data set sim", "taxonomy nuscenes", "seed 0", "scored on val"):
        assert part in title
    assert title.endswith(f"engine {expected}")
    assert title in markdown_table(title, {})


def test_it_says_where_everything_is(printed: Any) -> None:
    text = "\n".join(printed({"finetune": {}}, ["evaluate@finetune"]))
    for place in ("report.html   (1.2 MB", "dvc plots", "metrics/", "mlflow.db", "make ui"):
        assert place in text


@pytest.mark.parametrize("content", ["{", "[1]"])
def test_a_broken_file_is_one_line(tmp_path: Path, content: str) -> None:
    (tmp_path / "finetune.json").write_text(content)
    with pytest.raises(InputError, match=r"finetune\.json: not .* -f -s evaluate@finetune"):
        read_scores(tmp_path)


def test_the_command_needs_the_metrics(printed: Any) -> None:
    with pytest.raises(InputError, match="metrics/evaluate: nothing scored; run `dvc repro"):
        printed({}, [])
