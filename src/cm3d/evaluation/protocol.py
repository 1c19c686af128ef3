"""What a scorer is to this project: a package beside this file with a function `build`.

What it reads, of the index and of the folder that it is given, is its own affair. The stage
`evaluate` meets it, and writes what it says.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Literal, Protocol, TypeAlias

from cm3d.errors import InputError
from cm3d.params import Params
from cm3d.tables import Frames
from cm3d.taxonomy import Taxonomy

# Which of two values of a figure is the better one; counts are neither.
Better: TypeAlias = Literal["higher", "lower", "neither"]

# Of a curve over 101 points of recall, every fourth is plotted: 26 draw the same line.
PLOTTED: Final = slice(None, None, 4)

Figures: TypeAlias = Mapping[str, float]


@dataclass(frozen=True, eq=False)
class Scores:
    """What a scorer found; a figure that has no meaning is left out, or None within a class.

    Args:
        engine: What computed them.
        headline: Figures by name.
        brief: The few that a table of experiments has room for, by short names.
        per_class: Figures by class of the taxonomy; empty where the scorer knows no classes.
        agnostic: Figures of boxes without classes, by protocol.
        ap_rows: Plot rows: `class` and its `ap`.
        curve_rows: Plot rows: `class`, `recall` and `precision`.
        distance_rows: Plot rows: `distance_m`, the share of objects `found`, and errors.
        point_rows: The same by `points`.
    """

    engine: str
    headline: Figures = field(default_factory=dict)
    brief: Figures = field(default_factory=dict)
    per_class: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    agnostic: Mapping[str, Figures] = field(default_factory=dict)
    ap_rows: Sequence[Mapping[str, Any]] = ()
    curve_rows: Sequence[Mapping[str, Any]] = ()
    distance_rows: Sequence[Mapping[str, Any]] = ()
    point_rows: Sequence[Mapping[str, Any]] = ()


class Scorer(Protocol):
    """Anything that says how good the tables in a folder are."""

    @property
    def better(self) -> Mapping[str, Better]:
        """Which way each headline figure points."""
        ...

    def score(self, folder: Path, frames: Frames) -> Scores:
        """Score what a folder holds for some keyframes.

        Args:
            folder: One table per scene.
            frames: At least one keyframe; what belongs to others plays no part.

        Raises:
            InputError: Something in the folder, or that it is compared with, is missing or broken.
        """
        ...


class Build(Protocol):
    """The function `build` of a scorer's package."""

    def __call__(self, params: Params, taxonomy: Taxonomy) -> Scorer:
        """The scorer.

        Args:
            params: All parameters; a scorer's own are in `evaluate`.
            taxonomy: The classes that it is about.
        """
        ...


def open_scorer(name: str, params: Params, taxonomy: Taxonomy) -> Scorer:
    """The scorer of that name.

    Raises:
        InputError: There is none.
    """
    if name not in scorers():
        raise InputError(f"scorer {name!r}: unknown; there are {', '.join(scorers())}; name one")
    build: Build = import_module(f"cm3d.evaluation.{name}").build
    return build(params, taxonomy)


def scorers() -> list[str]:
    """Names of the scorers: packages beside this file."""
    return sorted(path.parent.name for path in Path(__file__).parent.glob("*/__init__.py"))
