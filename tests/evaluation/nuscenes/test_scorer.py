from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cm3d.evaluation.nuscenes import NuScenesScorer
from cm3d.tables import Boxes3D, Frames, GroundTruth, layout
from tests.evaluation.known import PROTOCOLS, TAXONOMY

Make = Callable[..., Any]
XY_M = [(2 * i, 5) for i in range(10)]


@pytest.fixture
def frames(
    make_boxes: Make,
    make_truth: Make,
    make_frames: Make,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Frames:
    """One frame whose ten cars the pseudo-labels find, written as the stages write them."""
    monkeypatch.chdir(tmp_path)
    frames: Frames = make_frames("f")
    name = f"{frames.scene_name[0]}.parquet"
    make_truth(XY_M).write(layout.GROUND_TRUTH / name)
    Boxes3D.empty().write(layout.BICYCLE_RACKS / name)
    make_boxes(XY_M).write(layout.PSEUDO_LABELS / name)
    return frames


def test_ground_truth_is_read_once_for_all_scores(
    frames: Frames, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads, read = [], GroundTruth.read

    def counted(path: Path) -> GroundTruth:
        reads.append(path)
        return read(path)

    monkeypatch.setattr(GroundTruth, "read", counted)
    scores = NuScenesScorer(TAXONOMY, "fast").score(layout.PSEUDO_LABELS, frames)
    assert scores.per_class["car"]["AP"] == 1
    assert list(scores.agnostic) == [protocol.name for protocol in PROTOCOLS]
    assert len(reads) == 1


@pytest.mark.parametrize("engine", ["fast", "devkit"])
def test_scores_say_which_engine_made_them(frames: Frames, engine: Any) -> None:
    scores = NuScenesScorer(TAXONOMY, engine).score(layout.PSEUDO_LABELS, frames)
    assert scores.engine == engine
