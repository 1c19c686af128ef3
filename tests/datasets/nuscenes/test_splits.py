import json
from pathlib import Path

import pytest

from cm3d.datasets.nuscenes.database import NuScenesTables
from cm3d.datasets.nuscenes.splits import scene_names
from cm3d.errors import InputError

VERSION = "v1.0-trainval"


def test_standard_splits_of_the_scenes_in_the_database(database: Path) -> None:
    splits = scene_names(NuScenesTables(database, VERSION))
    assert splits == {"train": ["scene-0001"], "val": ["scene-0003"]}


def test_mini_has_its_own_splits(database: Path) -> None:
    (database / VERSION).rename(database / "v1.0-mini")
    path = database / "v1.0-mini" / "scene.json"
    path.write_text(path.read_text().replace('"scene-0003"', '"scene-0103"'))
    splits = scene_names(NuScenesTables(database, "v1.0-mini"))
    assert splits == {"train": [], "val": ["scene-0103"]}


def test_custom_splits_come_first(database: Path) -> None:
    content = {"town_train": ["scene-0003"], "val": ["scene-0001", "absent"], "other": ["x"]}
    (database / VERSION / "splits.json").write_text(json.dumps(content))
    splits = scene_names(NuScenesTables(database, VERSION))
    assert splits == {"train": ["scene-0003"], "val": ["scene-0001"]}


@pytest.mark.parametrize("content", ["{", '{"train": 3}', "[1]"])
def test_bad_custom_splits_are_named(database: Path, content: str) -> None:
    (database / VERSION / "splits.json").write_text(content)
    with pytest.raises(InputError, match=r"splits\.json"):
        scene_names(NuScenesTables(database, VERSION))


def test_no_scene_in_any_split(database: Path) -> None:
    (database / VERSION / "splits.json").write_text("{}")
    with pytest.raises(InputError, match="no scene of the train or val split"):
        scene_names(NuScenesTables(database, VERSION))
