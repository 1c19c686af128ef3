"""What a set of boxes scores, whichever engine computed it."""

from dataclasses import dataclass

import numpy as np

from cm3d.evaluation.nuscenes.rules import ERROR_DISTANCE_M, Engine
from cm3d.geometry.arrays import NDArrayFloat


@dataclass(frozen=True, eq=False)
class Curve:
    """One class at one distance, over the 101 points of `curves.RECALL`.

    Args:
        precision: (101,).
        confidence: (101,) least score that reaches the recall; 0 where none does.
        errors: (101,) by name: mean over the matches above that confidence; at
            `ERROR_DISTANCE_M` alone.
    """

    precision: NDArrayFloat
    confidence: NDArrayFloat
    errors: dict[str, NDArrayFloat]


@dataclass(frozen=True, eq=False)
class DetectionScores:
    """The scores of the nuScenes detection challenge.

    Args:
        engine: What computed them.
        mean_ap: Mean over classes and the distances 0.5, 1, 2 and 4 m.
        nds: nuScenes detection score.
        mean_errors: ATE (m), ASE (1 - IoU), AOE (rad), AVE (m/s), AAE (1 - accuracy), each the
            mean over the classes that have it, 1 where none has.
        ap: Average precision by class, then by distance in metres.
        errors: The five errors by class; NaN where the class has none.
        curves: By class, then by distance in metres.
        present: The classes that have ground truth that counts, in order.
    """

    engine: Engine
    mean_ap: float
    nds: float
    mean_errors: dict[str, float]
    ap: dict[str, dict[float, float]]
    errors: dict[str, dict[str, float]]
    curves: dict[str, dict[float, Curve]]
    present: tuple[str, ...] = ()

    @property
    def class_ap(self) -> dict[str, float]:
        """Average precision by class, mean over distances."""
        return {name: float(np.mean(list(by.values()))) for name, by in self.ap.items()}

    @property
    def precision(self) -> dict[str, NDArrayFloat]:
        """Precision (101,) over `curves.RECALL` by class, at 2 m."""
        return {name: by[ERROR_DISTANCE_M].precision for name, by in self.curves.items()}

    def of_present(self) -> tuple[float, float, dict[str, float]]:
        """Mean AP, NDS and mean errors over the classes that are present.

        The official figures count an absent class with AP 0 and errors 1. On little data that hides
        what the others gain. Without any class present AP is 0 and errors are 1.
        """
        mean_ap = float(np.mean([self.class_ap[name] for name in self.present] or [0.0]))
        errors = {
            error: [self.errors[name][error] for name in self.present] for error in self.mean_errors
        }
        means = {
            error: float(np.nanmean(of_class)) if np.isfinite(of_class).any() else 1.0
            for error, of_class in errors.items()
        }
        return mean_ap, detection_score(mean_ap, means), means


def detection_score(mean_ap: float, mean_errors: dict[str, float]) -> float:
    """NDS: half of it mean AP, a tenth each what the five errors leave of 1; none leave nothing."""
    kept = sum(max(0.0, 1.0 - error) for error in mean_errors.values())
    return (5 * mean_ap + kept) / 10
