"""When the converted files of a drive are taken for finished."""

from pathlib import Path

import pytest

from cm3d.datasets.conversion import Conversion


def converted(root: Path, sources: str = "first") -> Conversion:
    return Conversion(root, root / "marks/a.json", {"of": sources})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A drive of one file, of which frame 7 was left out."""
    conversion = converted(tmp_path)
    conversion.begin()
    conversion.write("sweeps/a/0.bin", b"points")
    conversion.finish([tmp_path / "sweeps/a", tmp_path / "no/such"], [7])
    return tmp_path


def test_a_finished_drive_says_what_was_left_out(root: Path) -> None:
    assert converted(root).finished() == [7]
    assert (root / "sweeps/a/0.bin").read_bytes() == b"points"
    assert [path.name for path in (root / "sweeps/a").iterdir()] == ["0.bin"]


def test_other_sources_or_files_are_not_finished(root: Path) -> None:
    assert converted(root, "second").finished() is None
    (root / "sweeps/a/0.bin").write_bytes(b"point")
    assert converted(root).finished() is None
    (root / "sweeps/a/0.bin").unlink()
    assert converted(root).finished() is None


@pytest.mark.parametrize("text", ["", "[]", '{"files": 3}', '{"sources": {"of": "first"}}'])
def test_a_damaged_mark_is_none(root: Path, text: str) -> None:
    (root / "marks/a.json").write_text(text)
    assert converted(root).finished() is None


def test_what_is_begun_again_is_not_finished(root: Path) -> None:
    converted(root).begin()
    assert converted(root).finished() is None
