from pathlib import Path

from cm3d.datasets.manifest import metadata_manifest


def test_a_manifest_changes_with_a_table_and_with_nothing_else(database: Path) -> None:
    before = metadata_manifest(database, "v1.0-trainval")
    next(database.rglob("samples/*/*")).unlink()
    assert metadata_manifest(database, "v1.0-trainval") == before
    path = database / "v1.0-trainval" / "log.json"
    path.write_text(path.read_text() + " ")
    assert metadata_manifest(database, "v1.0-trainval") != before


def test_a_manifest_names_no_place(database: Path) -> None:
    assert str(database) not in str(metadata_manifest(database, "v1.0-trainval"))
