"""Score Waymo's `Objects` files against each other, and print what Waymo's own tool prints."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from cm3d.evaluation.waymo.countable import from_objects
from cm3d.evaluation.waymo.rules import LEVELS, OTHER_IOU, VEHICLE_IOU
from cm3d.evaluation.waymo.scores import ShardScores, WaymoScores, score_boxes
from cm3d.execution.arguments import Arguments
from cm3d.execution.stage import run_program
from cm3d.tables.waymo_objects import TYPES, WaymoObjects, read_objects

_LEAST_IOU: Final = np.array(
    [VEHICLE_IOU if name == "VEHICLE" else OTHER_IOU for name in TYPES], dtype=np.float32
)
_RANGES: Final = ("[0, 30)", "[30, 50)", "[50, +inf)")


def score_objects(predicted: WaymoObjects, true: WaymoObjects) -> WaymoScores:
    """Scores of the four types, in the order of their numbers."""
    return score_boxes(*from_objects(predicted, true), _LEAST_IOU)


def named(scores: WaymoScores) -> dict[str, tuple[float, float]]:
    """AP and APH by what Waymo's tool calls them, in its order."""
    types = [f"OBJECT_TYPE_TYPE_{name}" for name in TYPES]
    ranges = [f"RANGE_TYPE_{name}_{within}" for name in TYPES for within in _RANGES]
    return dict([*_named(types, scores.by_class), *_named(ranges, scores.by_range)])


def _named(shards: list[str], scores: ShardScores) -> Iterator[tuple[str, tuple[float, float]]]:
    for row, shard in enumerate(shards):
        for column, level in enumerate(LEVELS):
            values = (float(scores.ap[row, column]), float(scores.aph[row, column]))
            yield f"{shard}_LEVEL_{level}", values


def main() -> None:
    """Print the scores of the files named on the command line."""
    parser = Arguments("cm3d.evaluation.waymo.files", __doc__)
    parser.add_argument("predictions", type=Path, help="file of waymo.open_dataset.Objects")
    parser.add_argument("ground_truth", type=Path, help="another one")
    arguments = parser.parse_args()
    scores = score_objects(
        read_objects(arguments.predictions), read_objects(arguments.ground_truth)
    )
    for name, (ap, aph) in named(scores).items():
        print(f"{name}: [mAP {ap:.6g}] [mAPH {aph:.6g}]")


if __name__ == "__main__":
    run_program(main)
