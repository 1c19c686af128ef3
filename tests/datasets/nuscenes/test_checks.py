from pathlib import Path

import pytest

from cm3d.datasets.nuscenes.checks import check_tables, metadata_manifest, missing_maps
from cm3d.errors import InputError

VERSION = "v1.0-trainval"


def test_a_whole_database_passes(database: Path) -> None:
    check_tables(database, VERSION)


def test_missing_tables_are_listed(database: Path) -> None:
    (database / VERSION / "log.json").unlink()
    (database / VERSION / "sensor.json").unlink()
    with pytest.raises(InputError, match=r"2 of 11 tables.*/log\.json, .*/sensor\.json; get"):
        check_tables(database, VERSION)


def test_missing_maps_are_a_note(tmp_path: Path) -> None:
    path = tmp_path / "maps/expansion/town.json"
    path.parent.mkdir(parents=True)
    path.touch()
    assert missing_maps(tmp_path, ["town", "town", ""]) is None
    note = missing_maps(tmp_path, ["town", "city"])
    assert note is not None
    assert "1 of 2 map expansions" in note
    assert "expansion/city.json" in note


def test_a_manifest_changes_with_a_table_and_with_nothing_else(database: Path) -> None:
    before = metadata_manifest(database, "v1.0-trainval")
    next(database.rglob("samples/*/*")).unlink()
    assert metadata_manifest(database, "v1.0-trainval") == before
    path = database / "v1.0-trainval" / "log.json"
    path.write_text(path.read_text() + " ")
    assert metadata_manifest(database, "v1.0-trainval") != before


def test_a_manifest_names_no_place(database: Path) -> None:
    assert str(database) not in str(metadata_manifest(database, "v1.0-trainval"))
