"""The command `export`: which keyframes and boxes it takes."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from cm3d.tables import Boxes3D, layout
from stages.export import main
from tests.export.workspace import LABELS, write_workspace
from tests.trust.refusal import content_of


@pytest.fixture(autouse=True)
def workspace(bare_workspace: Path) -> None:
    write_workspace()


def exported(monkeypatch: pytest.MonkeyPatch, *words: str) -> dict[str, Any]:
    """Boxes by keyframe of a result file."""
    monkeypatch.setattr("sys.argv", ["export", "nuscenes", *words])
    main()
    results: dict[str, Any] = json.loads(Path(words[1], "results_nusc.json").read_text())["results"]
    return results


@pytest.mark.parametrize(
    ("split", "tokens"),
    [
        ("train", {"labelled", "unlabelled"}),
        ("val", {"first", "second"}),
        ("labelled", {"labelled"}),
        ("unlabelled", {"unlabelled"}),
    ],
)
def test_each_split_has_its_keyframes(
    monkeypatch: pytest.MonkeyPatch, split: str, tokens: set[str]
) -> None:
    results = exported(monkeypatch, str(LABELS), "out", "--split", split)
    assert {token: len(boxes) for token, boxes in results.items()} == dict.fromkeys(tokens, 3)


def test_unsure_boxes_are_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    results = exported(monkeypatch, str(LABELS), "out", "--min-score", "0.5")
    assert [box["detection_score"] for box in results["first"]] == [0.875, 0.5]
    assert capsys.readouterr().out == "out: 2 keyframes, of 4 boxes\n"


def test_a_folder_without_any_box_gives_empty_keyframes(monkeypatch: pytest.MonkeyPatch) -> None:
    Boxes3D.empty().write(Path("none/drive-val.parquet"))
    assert exported(monkeypatch, "none", "out") == {"first": [], "second": []}


def test_an_empty_folder_and_folders_above_are_made_use_of(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("empty").mkdir()
    first = exported(monkeypatch, str(LABELS), "empty")
    assert exported(monkeypatch, str(LABELS), "new/deep/out") == first
    assert content_of(Path("empty")) == content_of(Path("new/deep/out"))
    assert not list(Path().rglob("*.partial"))


def test_tables_may_lie_anywhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shutil.copytree(layout.GROUND_TRUTH, tmp_path / "elsewhere")
    results = exported(monkeypatch, str(tmp_path / "elsewhere"), "out")
    assert len(results["first"]) == 3
