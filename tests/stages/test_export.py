"""The command `export`: which keyframes and boxes it takes."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from cm3d.tables import Boxes3D, layout
from experiments.overrides import write_overrides
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


def test_a_card_says_what_the_boxes_are(monkeypatch: pytest.MonkeyPatch) -> None:
    for words in (["init", "-q"], ["add", "params.yaml"], ["commit", "-qm", "committed"]):
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *words], check=True)
    write_overrides(Path("params.yaml"), {"lift.recipe": "paper"})
    layout.EVALUATION.mkdir(parents=True)
    figures = dict.fromkeys(("NDS", "mATE", "mASE", "mAOE", "mAVE", "mAAE"), 0.5)
    (layout.EVALUATION / "pseudo_labels.json").write_text(json.dumps({"mAP": 0.25} | figures))
    exported(monkeypatch, str(LABELS), "out", "--min-score", "0.5", "--card")
    page = Path("out/README.md").read_text()
    for line in (
        "| data set | sim (v1.0-trainval) |",
        "| keyframes | 2 of 1 scenes, val |",
        "| boxes | 4: bus 2, car 2 |",
        "| licence | Apache-2.0, as this project: simulated, no data of others; see NOTICE |",
        "| `lift.recipe` | paper | refined |",
        "| `seed` | 0 | the same |",
        "| `evaluate@pseudo_labels`, out of date: has not been run here | 0.250 | 0.500 | ",
    ):
        assert line in page
    assert "with changes that are not committed" in page
    whole = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd="out", capture_output=True)
    assert whole.stdout.decode() == "results_nusc.json: OK\nREADME.md: OK\n"


def test_a_card_of_a_stage_has_its_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    recorded = {"cmd": "other", "outs": [{"path": str(LABELS), "md5": "1234.dir"}]}
    Path("dvc.lock").write_text(json.dumps({"stages": {"fuse": recorded}}))
    exported(monkeypatch, str(LABELS), "out", "--card")
    page = Path("out/README.md").read_text()
    assert "| made by | stage `fuse`, out of date: its command has changed |" in page
    assert "| hash in dvc.lock | `1234.dir` |" in page
    assert "Not scored." in page
