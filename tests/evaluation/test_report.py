import io
import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from rich.console import Console

from cm3d.errors import InputError
from cm3d.evaluation.report import ROWS, main, markdown_table, print_report, read_metrics
from cm3d.evaluation.summary import HEADLINES


def _write(folder: Path, metrics: Mapping[str, object]) -> None:
    for name, scores in metrics.items():
        (folder / f"{name}.json").write_text(json.dumps(scores))


def _printed(folder: Path) -> list[str]:
    text = io.StringIO()
    print_report(folder, Console(file=text, width=100))
    return text.getvalue().splitlines()


def test_every_label_set_and_model_has_a_row(tmp_path: Path) -> None:
    scores = {name: 0.1 * index for index, name in enumerate(HEADLINES)}
    _write(tmp_path, {"pseudo_labels": scores, "unknown": {"AP": 0.3}})
    lines = _printed(tmp_path)
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
    ]
    labels = next(line for line in lines if "pseudo-labels" in line)
    assert [cell.strip() for cell in labels.split("│")[2:4]] == ["0.000", "0.100"]
    unscored = next(line for line in lines if "pretrain" in line)
    assert [cell.strip() for cell in unscored.split("│")[2:-1]] == ["-"] * 7


def test_markdown_has_the_same_rows() -> None:
    lines = markdown_table({"pretrain": {"mAP": 0.1234, "NDS": 0.5}}).splitlines()
    assert lines[0] == "| boxes of | mAP | NDS | mATE | mASE | mAOE | mAVE | mAAE |"
    assert "| pretrain | 0.123 | 0.500 | - | - | - | - | - |" in lines


@pytest.mark.parametrize(
    ("engines", "named"),
    [
        (["fast", "fast"], "fast"),
        (["fast", "devkit"], "devkit, fast"),
        ([None], "not recorded"),
    ],
)
def test_both_tables_name_the_engine(tmp_path: Path, engines: list[str | None], named: str) -> None:
    rows = [{"engine": engine} if engine else {} for engine in engines]
    metrics = dict(zip(ROWS, rows, strict=False))
    _write(tmp_path, metrics)
    assert f"engine: {named}" in _printed(tmp_path)[0]
    assert markdown_table(metrics).endswith(f"\nScored by `evaluate.engine: {named}`.")


def test_it_says_where_everything_is(tmp_path: Path) -> None:
    _write(tmp_path, {"finetune": {}})
    text = "\n".join(_printed(tmp_path))
    for place in ("dvc plots show", "metrics/", "mlflow.db", "make ui"):
        assert place in text


@pytest.mark.parametrize("content", ["{", "[1]"])
def test_a_broken_file_is_one_line(tmp_path: Path, content: str) -> None:
    (tmp_path / "finetune.json").write_text(content)
    with pytest.raises(InputError, match=r"finetune\.json: not .* -f -s evaluate@finetune"):
        read_metrics(tmp_path)


def test_the_command_needs_the_metrics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["report"])
    with pytest.raises(SystemExit, match="metrics/evaluate: nothing scored; run `dvc repro"):
        main()
