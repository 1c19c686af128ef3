"""What `stages.import_labels` writes."""

import json
import shutil
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from cm3d.params import read_yaml
from cm3d.tables import Boxes3D, Frames, layout
from stages.import_labels import main

BOX = {
    "translation": [1, 2, 3],
    "size": [2, 4, 1.5],
    "rotation": [1, 0, 0, 0],
    "velocity": [0, 0],
    "detection_name": "car",
    "detection_score": 0.5,
    "attribute_name": "vehicle.parked",
}


@pytest.fixture
def folder(tmp_path: Path, project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of two scenes of one keyframe each; the current folder."""
    shutil.copytree(project / "taxonomies", tmp_path / "taxonomies")
    shutil.copy(project / "dvc.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    for scene in ("s0", "s1"):
        frames = Frames([f"f-{scene}"], [scene], [0], ["train"], [""], [[1, 0, 0, 0, 0, 0, 0]])
        frames.write(layout.FRAMES / f"{scene}.parquet")
    return tmp_path


def run(project: Path, file: str) -> None:
    values = read_yaml(project / "params.yaml")
    values["import_labels"]["file"] = file
    with Path("params.yaml").open("w") as params:
        YAML().dump(values, params)
    main()


def test_nothing_to_import_gives_a_table_per_scene(folder: Path, project: Path) -> None:
    run(project, "data/none")
    assert [len(Boxes3D.read(layout.IMPORTED / f"{s}.parquet")) for s in ("s0", "s1")] == [0, 0]


def test_boxes_go_to_their_scenes(
    folder: Path, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (layout.IMPORTED).mkdir(parents=True)
    (layout.IMPORTED / "stale.parquet").write_text("of a run before")
    results = {
        "f-s1": [BOX, BOX | {"detection_name": "tram"}],
        "f-s9": [BOX, BOX | {"detection_score": 0.1}],
    }
    (folder / "theirs.json").write_text(json.dumps({"results": results}))
    run(project, "theirs.json")
    files = sorted(path.name for path in layout.IMPORTED.iterdir())
    assert files == ["s0.parquet", "s1.parquet"]
    assert len(Boxes3D.read(layout.IMPORTED / "s0.parquet")) == 0
    assert Boxes3D.read(layout.IMPORTED / "s1.parquet").sample_token.tolist() == ["f-s1"]
    assert capsys.readouterr().out.splitlines() == [
        "note: import_labels.file: left out 1 boxes of unknown classes",
        "note: import_labels.file: left out 2 boxes of unknown keyframes",
    ]
