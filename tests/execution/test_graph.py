from pathlib import Path

from cm3d.execution.graph import read_stages
from cm3d.execution.resume import stage_digest

PIPELINE = """
stages:
  lift: {cmd: lift, deps: [code.py]}
  predict:
    foreach: [one, two]
    do:
      cmd: predict ${item}
      deps: [code.py, "data/${item}"]
  score:
    foreach: {labels: data/labels, one: data/predictions/one}
    do:
      cmd: score ${key} ${item}
      deps: ["${item}"]
      metrics: ["metrics/${key}.json": {cache: false}]
"""


def test_groups_are_written_out_by_member(tmp_path: Path) -> None:
    (tmp_path / "dvc.yaml").write_text(PIPELINE)
    stages = read_stages(tmp_path / "dvc.yaml")
    assert list(stages) == ["lift", "predict@one", "predict@two", "score@labels", "score@one"]
    assert stages["predict@two"] == {"cmd": "predict two", "deps": ["code.py", "data/two"]}
    assert stages["score@labels"] == {
        "cmd": "score labels data/labels",
        "deps": ["data/labels"],
        "metrics": [{"metrics/labels.json": {"cache": False}}],
    }


def test_members_have_digests_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "dvc.yaml").write_text(PIPELINE)
    (tmp_path / "params.yaml").write_text("seed: 0\n")
    for name in ("one", "two"):
        (tmp_path / "data" / name).mkdir(parents=True)
    names = ("predict@one", "predict@two")
    before = [stage_digest(name, tmp_path) for name in names]
    assert before[0] != before[1]
    (tmp_path / "data" / "one" / "model").write_text("weights")
    after = [stage_digest(name, tmp_path) for name in names]
    assert after[0] != before[0]
    assert after[1] == before[1]
