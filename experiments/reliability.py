"""`PYTHONPATH=src python -m experiments.reliability FOLDER`: are scores of labels probabilities?

Prints, by range of scores, how many labels there are and which share is right: a true box of the
class within 2 m that no surer label has taken; `make report` draws it for what is scored. And the
slope and offset of the logit that fit best, for `lift.calibration`. Run it in a workspace, on
development worlds (docs/lifting.md).
"""

from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
from scipy.optimize import minimize

from cm3d.evaluation.nuscenes.detection import countable_boxes
from cm3d.evaluation.nuscenes.filtering import read_truth
from cm3d.evaluation.nuscenes.judging import judge
from cm3d.evaluation.nuscenes.rules import ClassRules
from cm3d.execution.arguments import Arguments
from cm3d.execution.stage import run_program
from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat
from cm3d.lift.calibration import logits
from cm3d.params import load_params
from cm3d.report.curves import reliability
from cm3d.tables import Boxes3D, layout, read_scenes
from cm3d.taxonomy import load_taxonomy

_EDGES: Final = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


def judged(folder: Path, split: str) -> tuple[NDArrayFloat, NDArrayBool]:
    """Scores (N,) of the labels of a split that count, and whether each is right.

    Raises:
        InputError: The split or a table is missing.
    """
    taxonomy = load_taxonomy(load_params().taxonomy)
    frames = layout.split_frames(split)
    truth, racks = read_truth(frames, taxonomy)
    labels = read_scenes(Boxes3D, folder, sorted(set(frames.scene_name)))
    labels, truth = countable_boxes(labels, truth, frames, racks, taxonomy)
    found = judge(labels, truth, ClassRules.of(taxonomy))
    return labels.score, found.right


def fit(score: NDArrayFloat, right: NDArrayBool) -> tuple[float, float]:
    """Slope and offset of the logit at which scores (N,) are most nearly probabilities."""
    against, logit = np.where(right, -1.0, 1.0), logits(score)

    def cost(parameters: NDArrayFloat) -> float:
        return float(np.logaddexp(0.0, against * (parameters[0] * logit + parameters[1])).mean())

    slope, offset = minimize(cost, np.array([1.0, 0.0]), method="Nelder-Mead").x
    return float(slope), float(offset)


def main() -> None:
    """Print the table and the fit."""
    parser = Arguments("experiments.reliability", __doc__)
    parser.add_argument("folder", type=Path, help="labels, one table per scene")
    parser.add_argument("--split", default="train", choices=("train", "val"))
    arguments = parser.parse_args()
    score, right = judged(arguments.folder, arguments.split)
    print("scores        labels  mean score  right")
    bins = reliability(score, right, np.array(_EDGES))
    for row, (low, high) in enumerate(pairwise(_EDGES)):
        if bins.boxes[row]:
            figures = f"{bins.boxes[row]:6d}  {bins.score[row]:10.2f}  {bins.right[row]:5.2f}"
            print(f"{low:.2f} to {high:.2f}  {figures}")
    slope, offset = fit(score, right)
    print(f"best: slope {slope:.2f}, offset {offset:.2f}, of {len(score)} labels")


if __name__ == "__main__":
    run_program(main)
