"""What is said about a training's schedule, worked out by hand."""

import numpy as np
import pytest

from cm3d.training.course import Course, Fall, notes, summarise


def _history(losses: list[float], gradients: list[float]) -> list[dict[str, float]]:
    rows = zip(losses, gradients, strict=True)
    return [{"loss": loss, "gradient": gradient} for loss, gradient in rows]


def test_the_figures_of_twenty_steps() -> None:
    # the tenths before the last: losses 9 and 11, then 7 and 9
    losses = [50.0] * 16 + [9.0, 11.0, 7.0, 9.0]
    gradients = [10.0] * 4 + [35.0] + [40.0] * 15
    course = summarise(_history(losses, gradients), 35.0)
    assert course.clipped_share == 0.75  # 35 itself is not clipped
    assert course.median_gradient == 40.0
    assert course.metrics == {
        "clipped_share": 0.75,
        "median_gradient": 40.0,
        "last_tenth_fall": pytest.approx(0.2),
    }
    # variances 2 and 2 of two steps each: sqrt(1 + 1) of 10
    assert course.last_tenth is not None
    assert course.last_tenth.standard_error == pytest.approx(np.sqrt(2) / 10)


def test_few_steps_have_no_last_tenth() -> None:
    course = summarise(_history([1.0] * 19, [1.0] * 19), 35.0)
    assert course.last_tenth is None
    assert course.metrics == {"clipped_share": 0.0, "median_gradient": 1.0}
    assert notes("pretrain", course, 35.0) == []


@pytest.mark.parametrize(
    ("share", "standard_error", "steep"),
    [
        (0.2, 0.09, True),
        (0.2, 0.11, False),  # within the differences of batches
        (0.04, 0.001, False),  # what a one-cycle schedule does at its end
        (0.06, 0.001, True),
        (-0.2, 0.001, False),
    ],
)
def test_a_steep_fall_is_large_and_sure(share: float, standard_error: float, steep: bool) -> None:
    assert Fall(share, standard_error).is_steep is steep


def test_one_line_for_each_bad_habit() -> None:
    lines = notes("selftrain_r1", Course(0.98, 104.3, Fall(0.2, 0.01)), 35.0)
    assert lines == [
        "note: selftrain_r1: the gradient was clipped in 98% of the steps (median norm 104, "
        "gradient_clip 35); most steps have the same length, raise gradient_clip or choose "
        "max_lr for that",
        "note: selftrain_r1: stopped early: loss fell 20% in the last tenth; more epochs would go "
        "on lowering it",
    ]
    assert notes("pretrain", Course(0.5, 30.0, Fall(0.01, 0.001)), 35.0) == []
