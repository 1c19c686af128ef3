import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cm3d.errors import InputError
from cm3d.params import Labels
from cm3d.splits.labelled import (
    consecutive_rank,
    is_labelled,
    is_unlabelled,
    knob_of,
    label_ranks,
)
from cm3d.tables import Frames

# token: scene, time, split; the rows are shuffled, the scenes interleave in time
ROWS = {
    "b2": ("b", 12, "train"),
    "a1": ("a", 1, "train"),
    "v1": ("v", 5, "val"),
    "b1": ("b", 2, "train"),
    "a2": ("a", 11, "train"),
}
SEED = 11  # whose permutation of 4 is 3, 1, 0, 2: ranks of a1, a2, b1, b2 in quarters


@pytest.fixture
def frames() -> Frames:
    scene, time, split = zip(*ROWS.values(), strict=True)
    return Frames.from_columns(
        sample_token=list(ROWS),
        scene_name=list(scene),
        timestamp_us=list(time),
        split=list(split),
        location=[""] * len(ROWS),
        global_SE3_ego=[(1.0, 0, 0, 0, 0, 0, 0)] * len(ROWS),
    )


def _labels(**changes: Any) -> Labels:
    values: dict[str, Any] = {
        "fraction": 0.5,
        "draw": 0,
        "sampling": "uniform",
        "frames_file": "data/none",
    }
    return Labels(**values | changes)


def _labelled(frames: Frames, **changes: Any) -> list[str]:
    return sorted(frames.sample_token[is_labelled(frames, _labels(**changes), SEED)])


def test_ranks_by_hand(frames: Frames) -> None:
    ranks = dict(zip(frames.sample_token, label_ranks(frames, SEED), strict=True))
    assert ranks == {"b2": 0.5, "a1": 0.75, "v1": 1.0, "b1": 0.0, "a2": 0.25}


def test_the_order_of_rows_and_other_splits_change_no_rank(frames: Frames) -> None:
    order = np.array([4, 0, 2, 3, 1])
    np.testing.assert_array_equal(
        label_ranks(frames[order], SEED), label_ranks(frames, SEED)[order]
    )
    train = frames.split == "train"
    np.testing.assert_array_equal(
        label_ranks(frames[train], SEED), label_ranks(frames, SEED)[train]
    )


def test_ranks_are_those_that_the_index_used_to_hold() -> None:
    """Of 1000 frames over 25 scenes; the first eight as an index of that time has them."""
    rng = np.random.default_rng(3)
    tokens = [f"{value:08x}" for value in rng.integers(0, 2**32, 1000)]
    frames = Frames.from_columns(
        sample_token=tokens,
        scene_name=[f"s{row // 40}" for row in range(1000)],
        timestamp_us=np.arange(1000),
        split=["val" if row // 40 % 5 == 0 else "train" for row in range(1000)],
        location=[""] * 1000,
        global_SE3_ego=np.tile([1.0, 0, 0, 0, 0, 0, 0], (1000, 1)),
    )
    ranks = label_ranks(frames, 7)
    assert ranks[40:48].tolist() == [
        0.2675,
        0.96875,
        0.1775,
        0.29375,
        0.67375,
        0.32875,
        0.80125,
        0.30125,
    ]
    assert (ranks[:40] == 1).all()


def test_the_rest_of_train_is_unlabelled(frames: Frames) -> None:
    chosen = is_unlabelled(frames, _labels(fraction=0.25), SEED)
    assert frames.sample_token[chosen].tolist() == ["b2", "a1", "a2"]


def test_frames_that_stand_there_twice_cannot_be_those_of_all_scenes(frames: Frames) -> None:
    with pytest.raises(ValueError, match="stands there twice"):
        label_ranks(Frames.concatenate([frames, frames[:1]]), SEED)


@pytest.mark.parametrize(
    ("fraction", "uniform", "consecutive"),
    [
        (0.0, [], []),
        (0.25, ["b1"], ["b1"]),
        (0.5, ["a2", "b1"], ["b1", "b2"]),
        (0.75, ["a2", "b1", "b2"], ["a1", "b1", "b2"]),
        (1.0, ["a1", "a2", "b1", "b2"], ["a1", "a2", "b1", "b2"]),
    ],
)
def test_shares_by_hand(
    frames: Frames, fraction: float, uniform: list[str], consecutive: list[str]
) -> None:
    assert _labelled(frames, fraction=fraction) == uniform
    assert _labelled(frames, fraction=fraction, sampling="consecutive") == consecutive


def test_consecutive_ranks_are_a_permutation_scene_by_scene() -> None:
    rng = np.random.default_rng(0)
    train, order = 60, rng.permutation(80)
    frames = Frames.from_columns(
        sample_token=[f"t{row}" for row in order],
        scene_name=[f"s{row % 7}" for row in order],
        timestamp_us=order,
        split=["train" if row < train else "val" for row in order],
        location=[""] * 80,
        global_SE3_ego=np.tile([1.0, 0, 0, 0, 0, 0, 0], (80, 1)),
    )
    uniform = np.where(order < train, rng.permutation(80) / 80, 1.0)
    rank = consecutive_rank(frames, uniform)
    is_train = frames.split == "train"
    assert (rank[~is_train] == 1).all()
    np.testing.assert_array_equal(np.sort(rank[is_train]), np.arange(train) / train)
    rows = np.flatnonzero(is_train)
    rows = rows[np.argsort(rank[is_train])]
    naive = sorted(
        rows,
        key=lambda row: (
            min(uniform[is_train & (frames.scene_name == frames.scene_name[row])]),
            frames.timestamp_us[row],
        ),
    )
    assert rows.tolist() == naive


def test_no_frames_at_all() -> None:
    assert len(consecutive_rank(Frames.empty(), np.empty(0))) == 0
    assert len(is_labelled(Frames.empty(), _labels(sampling="consecutive"), SEED)) == 0


def test_a_file_lists_the_labelled_part(
    frames: Frames, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.json").write_text(json.dumps(["a1", "b2", "a1"]))
    assert _labelled(frames, frames_file="mine.json", fraction=0.0) == ["a1", "b2"]
    assert _labelled(frames, frames_file=str(tmp_path / "mine.json")) == ["a1", "b2"]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (["a1", "x", "w"], "lists 2 tokens that are no train keyframe, 'w' for one"),
        (["a1", "v1"], "lists 1 tokens that are no train keyframe, 'v1' for one"),
        ([], "not a list of sample tokens"),
        ({"a1": 1}, "not a list of sample tokens"),
        (["a1", 2], "not a list of sample tokens"),
    ],
)
def test_a_wrong_file_is_one_line(frames: Frames, tmp_path: Path, content: Any, fault: str) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"labels\.frames_file") as caught:
        is_labelled(frames, _labels(frames_file=str(path)), SEED)
    assert fault in str(caught.value)
    assert "mine.json" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unreadable_file_is_named(frames: Frames, tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    with pytest.raises(InputError, match=r"mine\.json: missing; .*labels\.frames_file"):
        is_labelled(frames, _labels(frames_file=str(path)), SEED)
    path.write_text("[1,")
    with pytest.raises(InputError, match=r"mine\.json: not valid JSON .*labels\.frames_file"):
        is_labelled(frames, _labels(frames_file=str(path)), SEED)


def test_the_knob_to_name() -> None:
    assert knob_of(_labels()) == "labels.fraction"
    assert knob_of(_labels(frames_file="mine.json")) == "labels.frames_file"


def test_a_draw_begins_elsewhere_in_the_order(frames: Frames) -> None:
    # ranks 0, 0.25, 0.5, 0.75 become 0.618, 0.868, 0.118, 0.368
    assert _labelled(frames, fraction=0.25, draw=1) == ["b2"]
    assert _labelled(frames, fraction=0.5, draw=1) == ["a1", "b2"]
    # of b1, b2, a1, a2 likewise
    assert _labelled(frames, fraction=0.5, draw=1, sampling="consecutive") == ["a1", "a2"]


@pytest.mark.parametrize("sampling", ["uniform", "consecutive"])
def test_three_draws_of_a_fifth_share_no_frame(sampling: str) -> None:
    count = 100
    many = Frames.from_columns(
        sample_token=[f"{n:03}" for n in range(count)],
        scene_name=[f"scene {n // 10}" for n in range(count)],
        timestamp_us=list(range(count)),
        split=["train"] * count,
        location=[""] * count,
        global_SE3_ego=[(1.0, 0, 0, 0, 0, 0, 0)] * count,
    )
    drawn = [_labelled(many, fraction=0.2, draw=n, sampling=sampling) for n in range(3)]
    assert [len(tokens) for tokens in drawn] == [20, 20, 20]
    assert len(set().union(*drawn)) == 60
