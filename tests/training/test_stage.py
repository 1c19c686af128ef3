"""What trainings share: what they see, and the course that they leave."""

from collections.abc import Callable

from cm3d.params import load_params
from cm3d.taxonomy import Taxonomy
from cm3d.training.frames import TrainingFrame
from stages.shared.training import counts, resampled, seed_of, thinned

HISTORY = [{"epoch": n // 3, "step": n, "loss": float(n)} for n in range(7)]


def test_every_training_of_a_run_has_a_seed_of_its_own() -> None:
    """Appendix B: rounds start from new weights, in another order, with other augmentation."""
    params = load_params()
    drawn = params.model_copy(update={"labels": params.labels.model_copy(update={"draw": 1})})
    others = [params.model_copy(update={"seed": 1}), drawn]
    names = ["pretrain", "finetune", "selftrain_r1", "selftrain_r2", "selftrain_r3"]
    seeds = [seed_of(each, name) for each in (params, *others) for name in names]
    assert len(set(seeds)) == len(seeds)
    assert seed_of(params, "finetune") == seeds[1]


def test_a_short_course_stays() -> None:
    assert thinned(HISTORY, 7) == HISTORY


def test_neighbours_are_averaged() -> None:
    # groups of 3, 2 and 2 steps
    assert thinned(HISTORY, 3) == [
        {"epoch": 0, "step": 2, "loss": 1.0},
        {"epoch": 1, "step": 4, "loss": 3.5},
        {"epoch": 2, "step": 6, "loss": 5.5},
    ]


def test_frames_are_resampled_where_the_section_says_so(
    make_boxes: Callable, make_frame: Callable, schedule, taxonomy: Taxonomy
) -> None:
    # cars in all three frames, a bus in one: 4 pairs, so 2 draws for each of 2 classes
    boxes = [make_boxes(token, ("car", 1.0, 2.0, 0.0)) for token in ("a", "bb")]
    boxes.append(make_boxes("ccc", ("car", 1.0, 2.0, 0.0), ("bus", 5.0, 2.0, 0.0)))
    frames = [make_frame(rows, rows.sample_token[0]) for rows in boxes]
    balanced = schedule.model_copy(update={"class_balanced": True})
    assert resampled(frames, schedule, taxonomy.class_names, 0) is frames
    drawn = resampled(frames, balanced, taxonomy.class_names, 0)
    assert _tokens(drawn)[2:] == ["ccc", "ccc"]
    assert _tokens(resampled(frames, balanced, taxonomy.class_names, 0)) == _tokens(drawn)
    draws = (resampled(frames, balanced, taxonomy.class_names, seed) for seed in range(20))
    assert len({tuple(_tokens(draw)) for draw in draws}) > 3


def test_boxes_of_weight_0_are_counted_apart(make_boxes: Callable, make_frame: Callable) -> None:
    boxes = make_boxes("a", *[("car", 1.0, 2.0, 0.0)] * 3).replace(score=[1.0, 0.0, 0.25])
    frames = [make_frame(boxes, "a")] * 2 + [make_frame(make_boxes("b"), "b")]
    assert counts(frames) == {"frames": 3, "boxes": 4, "ignored_boxes": 2}
    assert counts([]) == {"frames": 0, "boxes": 0, "ignored_boxes": 0}


def _tokens(frames: list[TrainingFrame]) -> list[str]:
    return [frame.sample_token for frame in frames]
