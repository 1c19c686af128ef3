from pathlib import Path

import pytest

from cm3d import params
from cm3d.datasets.root import dataset_root
from cm3d.errors import InputError


def dataset(**values: object) -> params.Dataset:
    defaults: dict[str, object] = {
        "name": "nuscenes",
        "root": None,
        "version": "v1.0-mini",
        "fetch": False,
        "past_sweeps": 9,
        "lane_step_m": 0.5,
    }
    return params.Dataset.model_validate(defaults | values)


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NUSCENES_ROOT", raising=False)
    monkeypatch.delenv("DVC_ROOT", raising=False)


def test_simulation_is_an_output() -> None:
    assert dataset_root(dataset(name="sim")) == Path("data/raw")
    assert dataset_root(dataset(name="sim", root="elsewhere")) == Path("elsewhere")


def test_parameter_before_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUSCENES_ROOT", str(tmp_path))
    (tmp_path / "own").mkdir()
    assert dataset_root(dataset()) == tmp_path
    assert dataset_root(dataset(root=str(tmp_path / "own"))) == tmp_path / "own"


def test_relative_roots_start_at_the_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    (tmp_path / "data/nuscenes").mkdir(parents=True)
    assert dataset_root(dataset()) == tmp_path / "data/nuscenes"
    assert dataset_root(dataset(root="data")) == tmp_path / "data"


def test_a_missing_root_names_both_remedies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"data/nuscenes.*NUSCENES_ROOT.*dataset\.root"):
        dataset_root(dataset())


def test_a_root_to_be_fetched_need_not_exist(tmp_path: Path) -> None:
    root = tmp_path / "new"
    assert dataset_root(dataset(root=str(root), fetch=True)) == root
