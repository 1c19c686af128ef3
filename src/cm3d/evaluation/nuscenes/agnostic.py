"""Scores that forget classes: every box is an object.

Published class-agnostic figures follow protocols that differ in classes, in ranges and in what
velocity is worth; the scores of one say nothing about those of another, so each carries the name
of its own. docs/evaluation.md says what is known about each, and what is not.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from cm3d.evaluation.nuscenes.detection import open_engine
from cm3d.evaluation.nuscenes.filtering import (
    BoxesT,
    check_boxes,
    group_by_frame,
    in_range,
    keep_best,
    observed,
    outside_racks,
    submitted,
)
from cm3d.evaluation.nuscenes.rules import ERROR_NAMES, ClassRules, Engine
from cm3d.evaluation.nuscenes.scores import DetectionScores, detection_score
from cm3d.geometry.arrays import NDArrayFloat
from cm3d.tables import Boxes3D, Frames, GroundTruth
from cm3d.taxonomy import OBJECT_CLASS, Taxonomy

# The devkit knows only its ten names; one of them stands for "object", and as a car an object has
# a heading of period 2 pi.
_STAND_IN: Final = "car"
_RULES: Final = ClassRules(errors={_STAND_IN: ERROR_NAMES}, symmetric=())

_RANGE_M: Final = 50.0

# The class list that the published protocols are about.
_PUBLISHED: Final = "nuscenes"

Velocity = Literal["uncounted", "zeroed", "real"]

# How NDS is called, after what it counts.
_NDS_NAMES: Final[dict[Velocity, str]] = {
    "uncounted": "NDS_without_motion",
    "zeroed": "NDS_with_zeroed_velocity",
    "real": "NDS_without_attributes",
}


@dataclass(frozen=True)
class AgnosticProtocol:
    """What a class-agnostic score counts. No protocol counts attributes: AAE is 1.

    Args:
        name: Goes with every score.
        range_m: Range by class, xy distance to the ego vehicle. Boxes of classes that have none
            are dropped on both sides; `object` has one, for predictions.
        velocity: `uncounted`: AVE is 1. `zeroed`: (0, 0) is written into predictions and ground
            truth, so AVE is 0 and a tenth of NDS is free. `real`: AVE is measured.
    """

    name: str
    range_m: Mapping[str, float]
    velocity: Velocity

    @property
    def counted_errors(self) -> tuple[str, ...]:
        """Errors that enter NDS; the others count as 1."""
        return ("ATE", "ASE", "AOE", *(() if self.velocity == "uncounted" else ("AVE",)))

    @property
    def nds_name(self) -> str:
        """What its NDS is called, lest it be compared with another's."""
        return _NDS_NAMES[self.velocity]


def protocols(taxonomy: Taxonomy) -> tuple[AgnosticProtocol, ...]:
    """This project's own, LISO's and UNION's, on the classes of a taxonomy.

    Ours takes all classes and gives nothing for free. LISO's merges mobile classes into one before
    the range filter and zeroes velocities. UNION's relabels mobile classes after the filter by each
    class's own range, with real velocities. Their names say how many classes they merge, and of
    which taxonomy if it is not the one that they were published on.
    """
    everything, mobile = taxonomy.class_names, taxonomy.named("mobile")
    of = "" if taxonomy.name == _PUBLISHED else f"{taxonomy.name}_"
    ours = "ten" if not of and len(everything) == 10 else f"{of}{len(everything)}"
    own_range_m = {name: taxonomy.classes[name].range_m for name in mobile}
    return (
        AgnosticProtocol(
            f"{ours}_classes_50m",
            dict.fromkeys((*everything, OBJECT_CLASS), _RANGE_M),
            "uncounted",
        ),
        AgnosticProtocol(
            f"liso_{of}{len(mobile)}_classes_50m",
            dict.fromkeys((*mobile, OBJECT_CLASS), _RANGE_M),
            "zeroed",
        ),
        AgnosticProtocol(
            f"union_{of}{len(mobile)}_classes", {OBJECT_CLASS: _RANGE_M} | own_range_m, "real"
        ),
    )


@dataclass(frozen=True, eq=False)
class AgnosticScores:
    """Scores of boxes without classes.

    Args:
        protocol: What they count.
        ap: Mean over the distances 0.5, 1, 2 and 4 m.
        ap_at: Average precision by distance in metres.
        errors: The errors that the protocol counts, of matches at 2 m.
        nds: NDS with the other errors set to 1.
        precision: Precision (101,) over `curves.RECALL`, at 2 m.
    """

    protocol: AgnosticProtocol
    ap: float
    ap_at: dict[float, float]
    errors: dict[str, float]
    nds: float
    precision: NDArrayFloat


class Agnostic:
    """Scores of boxes as objects, whatever their class; they come scene by scene."""

    def __init__(
        self, protocol: AgnosticProtocol, taxonomy: Taxonomy, engine: Engine = "fast"
    ) -> None:
        """Start without boxes.

        Args:
            protocol: What counts.
            taxonomy: Classes of the boxes.
            engine: Both give the same numbers.
        """
        self.protocol = protocol
        self._taxonomy = taxonomy
        self._matches = open_engine(engine, _RULES)

    def add(
        self,
        predictions: Boxes3D,
        ground_truth: GroundTruth,
        frames: Frames,
        bicycle_racks: Boxes3D,
    ) -> None:
        """Count the boxes of some keyframes; arguments as of `Detection.add`.

        Raises:
            InputError: A prediction has an unknown class or attribute, or a broken number.
        """
        names, range_m = (*self._taxonomy.class_names, OBJECT_CLASS), self.protocol.range_m
        check_boxes(predictions, names, self._taxonomy.attribute_names)
        racked = (*self._taxonomy.named("stands_in_racks"), OBJECT_CLASS)
        boxes = keep_best(group_by_frame(predictions, frames))
        truth = group_by_frame(observed(ground_truth), frames)
        boxes = in_range(outside_racks(boxes, bicycle_racks, racked), frames, range_m)
        truth = in_range(outside_racks(truth, bicycle_racks, racked), frames, range_m)
        self._matches.add(_merged(submitted(boxes), self.protocol), _merged(truth, self.protocol))

    def scores(self) -> AgnosticScores:
        """Scores of all that came."""
        return _scores(self._matches.scores(), self.protocol)


def evaluate_class_agnostic(
    predictions: Boxes3D,
    ground_truth: GroundTruth,
    frames: Frames,
    bicycle_racks: Boxes3D,
    protocol: AgnosticProtocol,
    taxonomy: Taxonomy,
    engine: Engine = "fast",
) -> AgnosticScores:
    """Score the boxes of a split at once; arguments and errors as of `Agnostic`."""
    agnostic = Agnostic(protocol, taxonomy, engine)
    agnostic.add(predictions, ground_truth, frames, bicycle_racks)
    return agnostic.scores()


def _merged(boxes: BoxesT, protocol: AgnosticProtocol) -> BoxesT:
    nothing = [""] * len(boxes)  # as attributes count nowhere
    one_class = boxes.replace(class_name=[_STAND_IN] * len(boxes), attribute_name=nothing)
    if protocol.velocity == "zeroed":
        return one_class.replace(velocity_mps=np.zeros((len(boxes), 2)))
    return one_class


def _scores(scores: DetectionScores, protocol: AgnosticProtocol) -> AgnosticScores:
    errors = {name: scores.mean_errors[name] for name in protocol.counted_errors}
    return AgnosticScores(
        protocol=protocol,
        ap=scores.mean_ap,
        ap_at=scores.ap[_STAND_IN],
        errors=errors,
        nds=detection_score(scores.mean_ap, errors),
        precision=scores.precision[_STAND_IN],
    )
