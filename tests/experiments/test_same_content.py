"""Two data folders compared."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cm3d.errors import InputError
from experiments.same_content import OUTPUTS, compare, main, report


def write(path: Path, compression: str = "zstd", **columns: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path, compression=compression)
    return path


def test_tables_are_compared_by_values(tmp_path: Path) -> None:
    speed = np.array([1.0, np.nan])
    old = write(tmp_path / "old.parquet", name=["a", "b"], speed=speed, gone=[1, 2])
    packed = write(tmp_path / "packed.parquet", "none", name=["a", "b"], speed=speed)
    assert old.read_bytes() != packed.read_bytes()
    assert compare(old, packed) == []
    other = write(tmp_path / "other.parquet", name=["a", "c"], speed=speed + 1e-16)
    assert compare(old, other) == ["name"]  # 1 + 1e-16 is 1
    other = write(tmp_path / "other.parquet", name=["a", "b"], speed=np.nextafter(speed, 2))
    assert compare(old, other) == ["speed"]


def test_other_files_are_compared_whole(tmp_path: Path) -> None:
    for name, content in (("a", b"1"), ("b", b"1"), ("c", b"2")):
        (tmp_path / name).write_bytes(content)
    assert compare(tmp_path / "a", tmp_path / "b") == []
    assert compare(tmp_path / "a", tmp_path / "c") == ["content"]


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    for side in ("old", "new"):
        for output in OUTPUTS:
            write(tmp_path / side / output / "scene.parquet", score=[0.5])
    return tmp_path / "old", tmp_path / "new"


def test_the_report_counts_files(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = folders
    assert main([str(old), str(new)]) == 0
    write(new / "lifted/scene.parquet", score=[0.6])
    rows, same = report(old, new)
    assert not same
    assert ["lifted", 1, 0, "score"] in rows
    assert ["masks", 1, 1, "none"] in rows
    assert main([str(old), str(new)]) == 1
    assert "columns that differ" in capsys.readouterr().out


def test_what_is_missing_is_named(folders: tuple[Path, Path]) -> None:
    old, new = folders
    (new / "masks/scene.parquet").unlink()
    with pytest.raises(InputError, match=r"masks: \['scene.parquet'\] on one side only"):
        report(old, new)
