"""What `stages.training` makes of a section's switches."""

from collections.abc import Callable

from cm3d.params import load_params
from cm3d.training.frames import TrainingFrame
from stages.training import resampled


def test_frames_are_resampled_where_the_section_says_so(
    make_boxes: Callable, make_frame: Callable, schedule
) -> None:
    # cars in all three frames, a bus in one: 4 pairs, so 2 draws for each of 2 classes
    boxes = [make_boxes(token, ("car", 1.0, 2.0, 0.0)) for token in ("a", "bb")]
    boxes.append(make_boxes("ccc", ("car", 1.0, 2.0, 0.0), ("bus", 5.0, 2.0, 0.0)))
    frames = [make_frame(rows, rows.sample_token[0]) for rows in boxes]
    params, balanced = load_params(), schedule.model_copy(update={"class_balanced": True})
    assert resampled(frames, schedule, params) is frames
    drawn = resampled(frames, balanced, params)
    assert _tokens(drawn)[2:] == ["ccc", "ccc"]
    assert _tokens(resampled(frames, balanced, params)) == _tokens(drawn)
    seeds = (params.model_copy(update={"seed": seed}) for seed in range(20))
    assert len({tuple(_tokens(resampled(frames, balanced, p))) for p in seeds}) > 3


def _tokens(frames: list[TrainingFrame]) -> list[str]:
    return [frame.sample_token for frame in frames]
