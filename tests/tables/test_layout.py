from pathlib import Path

import pytest

from cm3d.errors import InputError
from cm3d.tables import Frames, layout


def test_a_split_without_frames_is_said_by_the_name_of_who_wants_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Frames.from_columns(
        sample_token=["a", "b"],
        scene_name=["s", "s"],
        timestamp_us=[1, 2],
        split=["val", "val"],
        location=["", ""],
        global_SE3_ego=[(1.0, 0, 0, 0, 0, 0, 0)] * 2,
    ).write(layout.FRAMES / "s.parquet")
    assert layout.split_frames("val").sample_token.tolist() == ["a", "b"]
    assert layout.split_per_scene() == {"s": "val"}
    with pytest.raises(InputError, match=r"^pretrain: the data set has no 'train' frames"):
        layout.split_frames("train", wanted_by="pretrain")
    with pytest.raises(InputError, match=r"^scoring\.split: the data set has no 'train' frames"):
        layout.split_frames("train")


def test_lost_and_strange_files_of_the_index_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in (layout.FRAMES, layout.SWEEPS):
        folder.mkdir(parents=True)
        (folder / "one.parquet").touch()
    assert layout.all_scenes() == ["one"]
    (layout.SWEEPS / "two.parquet").touch()
    with pytest.raises(InputError, match=r"frames/two\.parquet: missing, and data/index/sweeps"):
        layout.all_scenes()
    (layout.FRAMES / "two.parquet").touch()
    assert layout.all_scenes() == ["one", "two"]
    (layout.FRAMES / "._two.parquet").touch()
    with pytest.raises(InputError, match=r"frames/\._two\.parquet: no file of a scene; delete it"):
        layout.all_scenes()
