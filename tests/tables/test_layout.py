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
