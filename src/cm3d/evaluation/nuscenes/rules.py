"""What the nuScenes detection metric counts: distances, errors, and what it knows of classes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, Self, TypeAlias

from cm3d.taxonomy import Taxonomy

# `fast` is this project's; `devkit` is nuscenes-devkit itself, the referee.
Engine: TypeAlias = Literal["fast", "devkit"]

# A match is nearer than this, in xy; mAP is the mean over all.
DISTANCES_M: Final = (0.5, 1.0, 2.0, 4.0)

# The distance at which matches make up the five errors, and the plotted curves.
ERROR_DISTANCE_M: Final = 2.0

# Translation, scale, orientation, velocity and attribute error of matches.
ERROR_NAMES: Final = ("ATE", "ASE", "AOE", "AVE", "AAE")


@dataclass(frozen=True)
class ClassRules:
    """Classes in the order of all results.

    Args:
        errors: Names of the errors that mean something, by class.
        symmetric: Classes that half a turn leaves the same.
    """

    errors: Mapping[str, tuple[str, ...]]
    symmetric: tuple[str, ...]

    @classmethod
    def of(cls, taxonomy: Taxonomy) -> Self:
        """Rules of a class list."""
        errors: dict[str, tuple[str, ...]] = {n: r.errors for n, r in taxonomy.classes.items()}
        return cls(errors, taxonomy.named("symmetric"))

    @property
    def class_names(self) -> tuple[str, ...]:
        """All classes."""
        return tuple(self.errors)
