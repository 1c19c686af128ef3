import json
from pathlib import Path

import pytest

from cm3d.errors import InputError
from cm3d.simulation import instances
from cm3d.simulation.instances import (
    MODELS,
    embedded_models,
    read_seed,
    read_visible_instances,
)


def test_instances_are_sorted(tmp_path: Path) -> None:
    path = tmp_path / "instances" / "scene.json"
    path.parent.mkdir()
    path.write_text(
        '{"a": [{"instance_id": 9, "class_name": "car", "visible_share": 0.5},'
        ' {"instance_id": 2, "class_name": "bus", "visible_share": 1.0}], "b": []}'
    )
    visible = read_visible_instances(tmp_path, "scene")
    assert visible["a"].instance_id.tolist() == [2, 9]
    assert visible["a"].class_name.tolist() == ["bus", "car"]
    assert visible["a"].visible_share.tolist() == [1.0, 0.5]
    assert len(visible["b"].instance_id) == 0


@pytest.mark.parametrize("content", ["{", "[]", '{"a": [{}]}', '{"a": 3}'])
def test_malformed_accounts_are_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "instances" / "scene.json"
    path.parent.mkdir()
    path.write_text(content)
    with pytest.raises(InputError, match=r"scene\.json: malformed"):
        read_visible_instances(tmp_path, "scene")


def test_seed_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / MODELS
    path.parent.mkdir()
    path.write_text(json.dumps(embedded_models(7)))
    assert read_seed(tmp_path) == 7


@pytest.mark.parametrize("content", [None, "{", "[]", "{}", '{"seed": null}'])
def test_other_data_sets_have_no_seed(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / MODELS
    path.parent.mkdir()
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match=r"embedded\.json: no seed; detect2d\.backend: simulated"):
        read_seed(tmp_path)


def test_an_edit_of_the_models_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "networks" / "weights").mkdir(parents=True)
    files = ("error_model.py", "networks/layers.py", "networks/weights/detector.safetensors")
    for name in (*files, "networks/MODEL_CARD.md"):
        (tmp_path / name).write_text("before")
    monkeypatch.setattr(instances, "__file__", str(tmp_path / "instances.py"))
    seen = {embedded_models(0)["networks"]}
    for name in files:
        (tmp_path / name).write_text("after")
        seen.add(embedded_models(0)["networks"])
    assert len(seen) == 1 + len(files)
    (tmp_path / "networks" / "MODEL_CARD.md").write_text("after")
    assert embedded_models(0)["networks"] in seen
