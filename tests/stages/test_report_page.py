import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from cm3d.errors import InputError
from cm3d.execution import pipeline
from cm3d.params import load_params
from cm3d.tables import layout
from experiments.overrides import write_overrides
from stages import report
from stages.shared.report_page import figure_cell
from tests.browser import dom_after_scripts

HEADLINE = {"engine": "fast", "mAP": 0.5, "NDS": 0.6, "mATE": 0.4}
Report = Callable[..., str]


@pytest.fixture
def write(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Report:
    """Run the command where these are fresh and scored; the page that it writes."""
    fresh = ["detect2d", "evaluate@lifted", "evaluate@pseudo_labels", "evaluate@finetune"]
    for name in ("lifted", "pseudo_labels", "finetune", "pretrain"):
        for folder, content in (
            (layout.EVALUATION, HEADLINE),
            (layout.METRICS / "evaluate_classes", {"car": {"AP": 0.25}, "bus": {"AP": None}}),
        ):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{name}.json").write_text(json.dumps(content))
    monkeypatch.setattr(pipeline, "fresh_stages", lambda _: fresh)
    monkeypatch.setattr(pipeline, "strayed", lambda *_: [])

    def write(*words: str) -> str:
        monkeypatch.setattr(sys, "argv", ["report", *words])
        report.main()
        return Path("report.html").read_text()

    return write


@pytest.fixture
def repository(workspace: Path) -> None:
    """The workspace as a Git repository of one commit."""
    git("init", "-q")
    git("add", "params.yaml", "dvc.yaml", "taxonomies")
    git("commit", "-qm", "first")


def git(*words: str) -> None:
    who = ("-c", "user.name=n", "-c", "user.email=n@example.org", "-c", "core.hooksPath=/dev/null")
    subprocess.run(["git", *who, *words], check=True)


def words_of(html: str) -> str:
    return " ".join("".join(parsed(html).itertext()).split())


def parsed(html: str) -> ElementTree.Element:
    return ElementTree.fromstring(html.removeprefix("<!DOCTYPE html>\n"))


def test_a_page_has_all_sections_and_is_well_formed(write: Report, repository: None) -> None:
    html = write()
    words = words_of(html)
    for part in (
        "data set sim (v1.0-trainval), taxonomy nuscenes, seed 0, scored on val",
        "Older than code, parameters or data, so left out: pretrain",
        "Precision over recall",
        "Are scores probabilities?",
        "share found by distance",
        "share found by visibility",
        "Kinds of failure",
        "The best keyframe and the worst ones: pseudo-labels",
        "The best keyframe and the worst ones: finetune",
    ):
        assert part in words
    assert re.search(r"revision [0-9a-f]{7,}", words)
    assert len(html) < 3e6
    assert "http" not in html.replace("http://www.w3.org/", "")
    titles = {"lifted boxes", "pseudo-labels", "finetune"}
    assert titles <= {label.strip() for label in _texts(html, "label")}


def test_labels_at_the_truth_are_right(write: Report) -> None:
    """A bus without a return counts not: of two keyframes, each with a car and a person."""
    rows = [[cell.strip() for cell in _texts(row, "td")] for row in _rows(write())]
    (counts,) = (row[2:] for row in rows if row[0] == "pseudo-labels" and len(row) > 9)
    assert counts == ["4", *["0"] * 10]


def test_tables_of_another_revision_are_left_out(
    write: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = str(layout.PREDICTIONS / "finetune")
    monkeypatch.setattr(pipeline, "strayed", lambda _, paths: [p for p in paths if p == folder])
    html = write()
    assert f"finetune: {folder} is not what dvc.lock records" in words_of(html)
    assert "worst ones: finetune" not in html and "worst ones: pseudo-labels" in html
    monkeypatch.setattr(pipeline, "strayed", lambda _, paths: list(paths))
    html = write()
    assert "data/index is not what dvc.lock records" in words_of(html)
    assert "Results" in html and "Box by box" not in html


def test_a_missing_table_is_a_note(write: Report) -> None:
    (layout.LIFTED / "drive-val.parquet").unlink()
    assert "lifted boxes: data/lifted/drive-val.parquet" in words_of(write())


def test_scores_are_compared_with_a_baseline(write: Report, repository: None) -> None:
    git("add", "metrics")
    git("commit", "-qm", "scores")
    (layout.EVALUATION / "finetune.json").write_text(json.dumps({**HEADLINE, "mAP": 0.75}))
    html = write("--baseline", "HEAD")
    assert "Small figures: change against HEAD" in words_of(html)
    assert '0.750<small class="better">+0.250</small>' in html
    assert '0.600<small class="faint">+0.000</small>' in html


def test_another_part_without_labels_is_not_compared(
    write: Report, repository: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    (layout.EVALUATION / "relabel_r1.json").write_text(json.dumps(HEADLINE))
    fresh = ["evaluate@finetune", "evaluate@relabel_r1"]
    monkeypatch.setattr(pipeline, "fresh_stages", lambda _: fresh)
    git("add", "metrics")
    git("commit", "-qm", "scores")
    for fraction, names in ((0.05, {"finetune", "relabel_r1"}), (0.5, {"finetune"})):
        write_overrides(Path("params.yaml"), {"labels.fraction": fraction})
        baseline, told = report.read_baseline("HEAD", load_params())
        assert baseline is not None and set(baseline.scores) == names
        assert ("its part of train without labels is another one" in told) == (len(names) == 1)


def test_another_data_set_is_no_baseline(write: Report, repository: None) -> None:
    git("add", "metrics")
    git("commit", "-qm", "scores")
    write_overrides(Path("params.yaml"), {"taxonomy": "waymo", "seed": 3})
    git("commit", "-qam", "other classes")
    git("checkout", "-q", "HEAD~1")
    html = write("--baseline", "HEAD@{1}")
    assert "No deltas to HEAD@{1}: it has another taxonomy" in words_of(html)
    assert "<small" not in html


@pytest.mark.parametrize("revision", ["nowhere", "--all"])
def test_an_unknown_baseline_is_one_line(write: Report, repository: None, revision: str) -> None:
    with pytest.raises(InputError, match=f"--baseline {revision}: no revision and no experiment"):
        write(f"--baseline={revision}")
    assert not Path("report.html").exists()


def test_changes_know_which_way_is_better() -> None:
    assert figure_cell(None, 0.5, "higher").text == "-"
    assert figure_cell(0.5, None, "higher").change == ""
    assert figure_cell(0.5, 0.4, "higher").is_better is True
    assert figure_cell(0.5, 0.4, "lower").is_better is False
    assert figure_cell(0.5, 0.4, "neither").is_better is None
    assert figure_cell(0.5, 0.4999, "lower").is_better is None


@pytest.mark.browser
def test_the_legend_hides_lines_in_a_browser(
    write: Report, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """What is not ticked at first is hidden by the page's script, all else is shown."""
    page = Path("report.html")
    html = write().replace('value="lifted" checked="checked"', 'value="lifted"')
    page.write_text(html)
    dom = dom_after_scripts(page.resolve(), tmp_path_factory.mktemp("profile"))
    assert re.search(r'class="s s-lifted" style="display: none;?"', dom)
    assert not re.search(r'class="s s-finetune" style="display: none', dom)
    assert dom.count("<svg") == html.count("<svg")


def _rows(html: str) -> list[str]:
    return re.findall(r"<tr>(<td>.*?)</tr>", html)


def _texts(html: str, tag: str) -> list[str]:
    return [re.sub("<[^>]*>", "", text) for text in re.findall(rf"<{tag}>(.*?)</{tag}>", html)]
