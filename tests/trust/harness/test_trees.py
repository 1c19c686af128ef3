"""What a stage has left: differences of outputs, unfinished work."""

from pathlib import Path

from trust.finished import finished_scenes, repeated
from trust.kinds import Kind
from trust.trees import differences, digests, leftovers

LIFT = Kind("lift", "stages.lift", (), ("data/lifted",))


def write(root: Path, name: str, text: str = "content") -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_each_kind_of_difference_is_named(tmp_path: Path) -> None:
    for name in ("a", "b", "c", ".gitignore"):
        write(tmp_path, f"data/{name}")
    before = digests(tmp_path, ["data"])
    assert sorted(before) == ["data/a", "data/b", "data/c"]
    assert differences(before, digests(tmp_path, ["data"])) == []
    write(tmp_path, "data/a", "other")
    (tmp_path / "data/b").unlink()
    write(tmp_path, "data/d")
    assert differences(before, digests(tmp_path, ["data"])) == [
        "data/a differs",
        "data/b is missing",
        "data/d is new",
    ]


def test_a_single_file_is_an_output_too(tmp_path: Path) -> None:
    write(tmp_path, "metrics/fuse.json")
    assert list(digests(tmp_path, ["metrics/fuse.json", "metrics/none.json"])) == [
        "metrics/fuse.json"
    ]


def test_unfinished_work_is_found(tmp_path: Path) -> None:
    write(tmp_path, "data/lifted/scene.parquet")
    assert leftovers(tmp_path) == []
    write(tmp_path, "metrics/.fuse.json.partial")
    write(tmp_path, ".cache/resume/lift-0123456789ab.lock")
    assert leftovers(tmp_path) == [
        ".cache/resume/lift-0123456789ab.lock",
        "metrics/.fuse.json.partial",
    ]


def test_a_scene_is_finished_with_its_note_and_repeated_when_written_anew(tmp_path: Path) -> None:
    work = ".cache/resume/lift-0123456789ab"
    for scene in ("one", "two"):
        write(tmp_path, f"{work}/lifted/{scene}.parquet")
    write(tmp_path, f"{work}/lifted.notes/one.json")
    before = finished_scenes(tmp_path, LIFT)
    assert list(before) == ["data/lifted/one.parquet"]

    (tmp_path / "data").mkdir()
    (tmp_path / work / "lifted").rename(tmp_path / "data/lifted")
    assert repeated(tmp_path, before) == []
    table = tmp_path / "data/lifted/one.parquet"
    write(tmp_path, "data/lifted/again").replace(table)
    assert repeated(tmp_path, before) == ["data/lifted/one.parquet"]
    table.unlink()
    assert repeated(tmp_path, before) == ["data/lifted/one.parquet"]
