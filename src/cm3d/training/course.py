"""What the course of a training says of its schedule: clipped gradients, a loss still falling."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from cm3d.geometry.arrays import NDArrayFloat

_USUAL_SHARE: Final = 0.5  # of steps whose gradient may be clipped without a word

# Learning rates of one-cycle schedules end at nought, so that a loss always falls a little at the
# end. Where the schedule was spent (60 epochs on few frames) it fell by at most 0.2% in the last
# tenth, where it was stopped at a tenth of what the detector needs (3 to 6 epochs) by up to 11%.
_STEEP_FALL: Final = 0.05
_SURE: Final = 2.0  # standard errors of the fall: small batches differ in how hard they are
_FEWEST_STEPS: Final = 20  # two in each tenth, for a standard error


@dataclass(frozen=True)
class Fall:
    """How far the mean loss of the last tenth of the steps is below that of the tenth before.

    Args:
        share: Of the mean of the tenth before; negative where the loss rose.
        standard_error: Of `share`.
    """

    share: float
    standard_error: float

    @property
    def is_steep(self) -> bool:
        """Whether a longer training would surely go on."""
        return self.share > max(_STEEP_FALL, _SURE * self.standard_error)


@dataclass(frozen=True)
class Course:
    """Figures of a whole training.

    Args:
        clipped_share: Share of the steps whose gradient was longer than it may be.
        median_gradient: Its norm before clipping.
        last_tenth: Of the loss; None where there are too few steps.
    """

    clipped_share: float
    median_gradient: float
    last_tenth: Fall | None

    @property
    def metrics(self) -> dict[str, float]:
        """The figures by name; trainings of too few steps have no `last_tenth_fall`."""
        figures = {"clipped_share": self.clipped_share, "median_gradient": self.median_gradient}
        return figures | ({"last_tenth_fall": self.last_tenth.share} if self.last_tenth else {})


def summarise(history: Sequence[Mapping[str, float]], gradient_clip: float) -> Course:
    """Figures of a training.

    Args:
        history: One row per step, with `loss` and `gradient`; at least one.
        gradient_clip: Largest norm of a gradient.
    """
    gradient = np.array([row["gradient"] for row in history])
    return Course(
        clipped_share=float((gradient > gradient_clip).mean()),
        median_gradient=float(np.median(gradient)),
        last_tenth=_last_tenth(np.array([row["loss"] for row in history])),
    )


def notes(title: str, course: Course, gradient_clip: float) -> list[str]:
    """One line per bad habit, to print.

    Args:
        title: Name of the training.
        course: Its figures.
        gradient_clip: Largest norm of a gradient.
    """
    lines = []
    if course.last_tenth and course.clipped_share > _USUAL_SHARE:  # of a few steps says nothing
        lines.append(
            f"note: {title}: the gradient was clipped in {course.clipped_share:.0%} of the steps "
            f"(median norm {course.median_gradient:.3g}, gradient_clip {gradient_clip:g}); most "
            "steps have the same length, raise gradient_clip or choose max_lr for that"
        )
    if course.last_tenth and course.last_tenth.is_steep:
        lines.append(
            f"note: {title}: stopped early: loss fell {course.last_tenth.share:.0%} in the last "
            "tenth; more epochs would go on lowering it"
        )
    return lines


def _last_tenth(loss: NDArrayFloat) -> Fall | None:
    if len(loss) < _FEWEST_STEPS:
        return None
    before, last = np.array_split(loss, 10)[-2:]
    variance = before.var(ddof=1) / len(before) + last.var(ddof=1) / len(last)
    scale = before.mean()
    return Fall(float(1 - last.mean() / scale), float(np.sqrt(variance) / scale))
