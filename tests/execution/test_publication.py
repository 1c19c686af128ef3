"""A stage's outputs in the making; how they fail is in tests/trust/test_outputs.py."""

from pathlib import Path

from cm3d.execution.publication import Publication, publication


def test_each_output_takes_the_place_of_its_own(workspace: Path) -> None:
    with publication("detect2d") as made:
        (made.folder(Path("data/boxes2d")) / "a").write_text("boxes")
        (made.folder(Path("data/masks")) / "a").write_text("masks")
        made.json(Path("metrics/plots/one.json"), [1])
        made.json(Path("metrics/one.json"), {"b": 2})
        made.csv(Path("metrics/one.csv"), [{"step": 1}])
        assert not Path("data").exists() and not Path("metrics").exists()
    assert Path("data/boxes2d/a").read_text() == "boxes"
    assert Path("data/masks/a").read_text() == "masks"
    assert Path("metrics/plots/one.json").read_text() == "[\n  1\n]\n"
    assert Path("metrics/one.json").read_text() == '{\n  "b": 2\n}\n'
    assert Path("metrics/one.csv").read_text() == "step\n1\n"


def test_only_a_folder_that_is_asked_to_be_empty_is(tmp_path: Path) -> None:
    out = Path("data/boxes2d")
    (Publication(tmp_path).folder(out) / "a").write_text("of an interrupted run")
    assert (Publication(tmp_path).folder(out) / "a").exists()
    assert not list(Publication(tmp_path).empty_folder(out).iterdir())


def test_scratch_is_kept_and_not_published(workspace: Path) -> None:
    made = Publication(workspace / "work")
    (made.scratch("detections") / "a").write_text("seen")
    (made.folder(Path("data/boxes2d")) / "a").write_text("boxes")
    made.publish()
    assert [path.name for path in Path("data").iterdir()] == ["boxes2d"]
    assert (workspace / "work" / "detections" / "a").read_text() == "seen"


def test_what_was_written_twice_is_published_once(workspace: Path) -> None:
    with publication("detect2d") as made:
        made.json(Path("metrics/one.json"), {"a": 1})
        made.json(Path("metrics/two.json"), {"a": 2})
        made.json(Path("metrics/one.json"), {"a": 3})
    assert Path("metrics/one.json").read_text() == '{\n  "a": 3\n}\n'
    assert Path("metrics/two.json").read_text() == '{\n  "a": 2\n}\n'


def test_what_git_ignores_stays_where_outputs_lie_in_a_folder(workspace: Path) -> None:
    """Else a stage that is run by hand would leave its outputs for Git to take."""
    Path("data/raw").mkdir(parents=True)
    Path("data/raw/.gitignore").write_text("/lidar\n")
    with publication("detect2d") as made:
        (made.folder(Path("data/raw")) / "lidar").mkdir()
    assert sorted(path.name for path in Path("data/raw").iterdir()) == [".gitignore", "lidar"]
    assert Path("data/raw/.gitignore").read_text() == "/lidar\n"
