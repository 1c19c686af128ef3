"""Where sensor files are, and what a data set says of them."""

from pathlib import Path

import pytest

from cm3d import params
from cm3d.errors import InputError
from cm3d.params import data_root
from cm3d.sensors.card import DataCard, ImageFormat, LidarFormat, open_sensors, read_card

FORMAT = LidarFormat(
    file="binary", dtype="float32", columns=("x", "y", "z", "intensity"), full_intensity=1.0
)


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


def card(name: str, embedded: bool) -> DataCard:
    pinhole = ImageFormat(model="pinhole")
    return DataCard(name=name, embedded=embedded, scorer="nuscenes", lidar=FORMAT, images=pinhole)


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for variable in ("NUSCENES_ROOT", "MINE_ROOT", "DVC_ROOT"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_embedded_data_is_an_output(workspace: Path) -> None:
    card("sim", embedded=True).write(workspace / "data/index/dataset.json")
    assert open_sensors(dataset(name="sim")).root == Path("data/raw")


def test_other_data_lies_where_its_variable_says(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card("mine", embedded=False).write(workspace / "data/index/dataset.json")
    (workspace / "mine").mkdir()
    monkeypatch.setenv("MINE_ROOT", str(workspace / "mine"))
    sensors = open_sensors(dataset(name="mine"))
    assert sensors.root == workspace / "mine"
    assert sensors.lidar == FORMAT


def test_the_card_survives_the_disk(workspace: Path) -> None:
    card("mine", embedded=False).write(workspace / "card.json")
    assert read_card(workspace / "card.json") == card("mine", embedded=False)
    with pytest.raises(InputError, match=r"dataset\.json: missing; run `dvc repro download`"):
        read_card()
    (workspace / "card.json").write_text('{"name": "mine"}')
    with pytest.raises(InputError, match=r"card\.json: embedded: Field required; "):
        read_card(workspace / "card.json")


def test_positions_are_needed() -> None:
    with pytest.raises(ValueError, match="columns: no z"):
        FORMAT.model_validate(FORMAT.model_dump() | {"columns": ("x", "y", "intensity")})


def test_parameter_before_environment(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUSCENES_ROOT", str(workspace))
    (workspace / "own").mkdir()
    assert data_root(dataset()) == workspace
    assert data_root(dataset(root=str(workspace / "own"))) == workspace / "own"


def test_relative_roots_start_at_the_workspace(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DVC_ROOT", str(workspace))
    (workspace / "data/nuscenes").mkdir(parents=True)
    assert data_root(dataset()) == workspace / "data/nuscenes"
    assert data_root(dataset(root="data")) == workspace / "data"


def test_a_missing_root_names_both_remedies() -> None:
    with pytest.raises(InputError, match=r"data/nuscenes.*NUSCENES_ROOT.*dataset\.root"):
        data_root(dataset())


def test_a_root_to_be_fetched_need_not_exist(workspace: Path) -> None:
    assert data_root(dataset(root=str(workspace / "new")), must_exist=False) == workspace / "new"
