from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cm3d.errors import InputError
from cm3d.evaluation.nuscenes.detection import evaluate_boxes
from cm3d.evaluation.nuscenes.uncertainty import bootstrap_mean_ap, main
from cm3d.tables import Boxes3D, layout
from tests.evaluation.known import TAXONOMY

Make = Callable[..., Any]
TOKENS = ("a", "b", "c", "d")


def _split(make_boxes: Make, make_truth: Make, make_frames: Make, found: int) -> Any:
    """Four scenes of one frame with ten cars each, all found in the first `found` scenes."""
    xy_m = [(2 * i, 5) for i in range(10)]
    each = {"sample_token": [token for token in TOKENS for _ in xy_m]}
    truth, boxes = make_truth(xy_m * 4, **each), make_boxes(xy_m * 4, **each)
    return boxes[: 10 * found], truth, make_frames(*TOKENS), Boxes3D.empty()


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_split_itself_scores_what_the_devkit_says(seed: int, random_split: Make) -> None:
    split = random_split(seed, 60)
    expected = evaluate_boxes(*split, TAXONOMY, "devkit").mean_ap
    assert bootstrap_mean_ap(*split, TAXONOMY, resamples=2).mean_ap == pytest.approx(
        expected, abs=1e-12
    )


def test_equal_scenes_measure_exactly(
    make_boxes: Make, make_truth: Make, make_frames: Make
) -> None:
    result = bootstrap_mean_ap(*_split(make_boxes, make_truth, make_frames, 4), TAXONOMY)
    assert result.mean_ap == pytest.approx(0.1)
    assert result.standard_error == pytest.approx(0, abs=1e-9)
    assert (result.scenes, result.resamples) == (4, 200)


def test_the_error_is_that_of_drawing_scenes(
    make_boxes: Make, make_truth: Make, make_frames: Make
) -> None:
    """Half of four scenes are found, so recall has deviation sqrt(0.25 / 4) = 0.25.

    AP is the share of recall above 0.1, the mean over ten classes divides by ten.
    """
    split = _split(make_boxes, make_truth, make_frames, 2)
    result = bootstrap_mean_ap(*split, TAXONOMY, resamples=2000)
    assert result.mean_ap == pytest.approx(0.1 * 40 / 90)
    assert result.standard_error == pytest.approx(0.1 * 0.25 / 0.9, rel=0.1)


def test_a_seed_gives_one_answer(make_boxes: Make, make_truth: Make, make_frames: Make) -> None:
    split = _split(make_boxes, make_truth, make_frames, 2)
    first, again, other = (bootstrap_mean_ap(*split, TAXONOMY, seed=seed) for seed in (1, 1, 2))
    assert first == again != other


def test_one_scene_has_no_error(make_boxes: Make, make_truth: Make, make_frames: Make) -> None:
    boxes, truth, frames, racks = _split(make_boxes, make_truth, make_frames, 4)
    with pytest.raises(InputError, match="needs two scenes"):
        bootstrap_mean_ap(boxes, truth, frames[:1], racks, TAXONOMY)


def test_the_command_reads_a_folder_of_labels(
    make_boxes: Make,
    make_truth: Make,
    make_frames: Make,
    project: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("params.yaml", "taxonomies"):
        Path(name).symlink_to(project / name)
    boxes, truth, frames, racks = _split(make_boxes, make_truth, make_frames, 4)
    for token, scene in zip(frames.sample_token, frames.scene_name, strict=True):
        name = f"{scene}.parquet"
        frames[frames.sample_token == token].write(layout.FRAMES / name)
        truth[truth.sample_token == token].write(layout.GROUND_TRUTH / name)
        racks.write(layout.BICYCLE_RACKS / name)
        boxes[boxes.sample_token == token].write(layout.PSEUDO_LABELS / name)
    monkeypatch.setattr("sys.argv", ["uncertainty", str(layout.PSEUDO_LABELS)])
    main()
    assert capsys.readouterr().out.startswith("mAP 10.0 ± 0.0 points (standard error, 4 scenes")
    monkeypatch.setattr("sys.argv", ["uncertainty", "data/none"])
    with pytest.raises(InputError, match=r"data/none/scene-of-a\.parquet: missing"):
        main()
