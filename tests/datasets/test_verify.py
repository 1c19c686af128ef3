from pathlib import Path

import pytest

from cm3d.datasets.verify import check_sensor_files, check_tables, missing_maps
from cm3d.errors import InputError

VERSION = "v1.0-trainval"


def test_a_whole_database_passes(database: Path) -> None:
    check_tables(database, VERSION)
    paths = [str(path.relative_to(database)) for path in database.rglob("samples/*/*")]
    assert paths
    check_sensor_files(database, VERSION, paths)


def test_missing_tables_are_listed(database: Path) -> None:
    (database / VERSION / "log.json").unlink()
    (database / VERSION / "sensor.json").unlink()
    with pytest.raises(InputError, match=r"2 of 11 tables.*/log\.json, .*/sensor\.json; get"):
        check_tables(database, VERSION)


def test_missing_and_truncated_files_are_told_alike(tmp_path: Path) -> None:
    (tmp_path / "whole.bin").write_bytes(b"0" * 40)
    (tmp_path / "cut.bin").write_bytes(b"0" * 41)
    (tmp_path / "empty.jpg").touch()
    paths = ["whole.bin", "cut.bin", "empty.jpg", "absent.jpg", "cut.bin"]
    with pytest.raises(
        InputError, match=r"3 of 4 sensor files .*: absent\.jpg, cut\.bin, empty\.jpg; "
    ):
        check_sensor_files(tmp_path, VERSION, paths)


def test_long_lists_are_capped(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"0\.jpg, .*4\.jpg and 15 more") as caught:
        check_sensor_files(tmp_path, VERSION, [f"{i:02}.jpg" for i in range(20)])
    assert "\n" not in str(caught.value)
    assert "05.jpg" not in str(caught.value)


def test_missing_maps_are_a_note(tmp_path: Path) -> None:
    path = tmp_path / "maps/expansion/town.json"
    path.parent.mkdir(parents=True)
    path.touch()
    assert missing_maps(tmp_path, ["town", "town", ""]) is None
    note = missing_maps(tmp_path, ["town", "city"])
    assert note is not None
    assert "1 of 2 map expansions" in note
    assert "expansion/city.json" in note
