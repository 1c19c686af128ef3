"""How finely a split measures mAP: the standard error by bootstrap over scenes.

Frames of a scene show the same objects, so scenes, not frames, are drawn with replacement.
`python -m cm3d.evaluation.nuscenes.uncertainty data/pseudo_labels` prints it for a folder of
labels of the current project.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cm3d.errors import InputError
from cm3d.evaluation.nuscenes.curves import average_precision, precision_curve
from cm3d.evaluation.nuscenes.detection import countable_boxes
from cm3d.evaluation.nuscenes.filtering import frame_rows, read_truth
from cm3d.evaluation.nuscenes.matching import match_boxes
from cm3d.evaluation.nuscenes.rules import DISTANCES_M
from cm3d.execution.arguments import Arguments
from cm3d.execution.stage import run_program
from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat, NDArrayInt
from cm3d.params import load_params
from cm3d.tables import Boxes3D, Frames, GroundTruth, layout, read_scenes
from cm3d.taxonomy import Taxonomy, load_taxonomy


@dataclass(frozen=True)
class Uncertainty:
    """A score and how far another split of the same size would be from it.

    Args:
        mean_ap: mAP of the split itself.
        standard_error: Standard deviation of mAP over resampled splits.
        scenes: Number of scenes that were drawn from.
        resamples: Number of resampled splits.
    """

    mean_ap: float
    standard_error: float
    scenes: int
    resamples: int


def bootstrap_mean_ap(
    predictions: Boxes3D,
    ground_truth: GroundTruth,
    frames: Frames,
    bicycle_racks: Boxes3D,
    taxonomy: Taxonomy,
    resamples: int = 200,
    seed: int = 0,
) -> Uncertainty:
    """Resample the scenes of a split; arguments as for `detection.evaluate_boxes`.

    A class without ground truth in a resample counts 0, as the devkit has it, so rare classes
    widen the error as they should.

    Raises:
        InputError: There is but one scene, or a prediction is broken.
    """
    scenes, scene_of_frame = np.unique(frames.scene_name.astype(str), return_inverse=True)
    if len(scenes) < 2:
        raise InputError("a standard error needs two scenes or more; choose another split")
    matches = _all_matches(predictions, ground_truth, frames, bicycle_racks, taxonomy)
    rng = np.random.default_rng([seed, resamples])
    draws = rng.multinomial(len(scenes), np.full(len(scenes), 1 / len(scenes)), size=resamples)
    values = [_mean_ap(matches, draw[scene_of_frame].astype(np.float64)) for draw in draws]
    return Uncertainty(
        mean_ap=_mean_ap(matches, np.ones(len(frames))),
        standard_error=float(np.std(values, ddof=1)),
        scenes=len(scenes),
        resamples=resamples,
    )


@dataclass(frozen=True, eq=False)
class _Matches:
    """One class at one distance: whether each prediction (N,) hit, best first, and frame rows."""

    hit: NDArrayBool
    hit_frame: NDArrayInt
    truth_frame: NDArrayInt


def _all_matches(
    predictions: Boxes3D,
    ground_truth: GroundTruth,
    frames: Frames,
    bicycle_racks: Boxes3D,
    taxonomy: Taxonomy,
) -> list[_Matches]:
    boxes, truth = countable_boxes(predictions, ground_truth, frames, bicycle_racks, taxonomy)
    matching = match_boxes(boxes, truth, DISTANCES_M)
    ranked = boxes[matching.best_first]
    frame, truth_frame = (frame_rows(b.sample_token, frames) for b in (ranked, truth))
    rows = [(ranked.class_name == n, truth.class_name == n) for n in taxonomy.class_names]
    return [
        _Matches(found[mine] >= 0, frame[mine], truth_frame[theirs])
        for mine, theirs in rows
        for found in matching.truth_row.values()
    ]


def _mean_ap(matches: list[_Matches], frame_weight: NDArrayFloat) -> float:
    """MAP of a split in which each frame counts `frame_weight[frame]` times."""
    precisions = [
        precision_curve(m.hit, frame_weight[m.truth_frame].sum(), frame_weight[m.hit_frame])
        for m in matches
    ]
    return float(np.mean([average_precision(precision) for precision in precisions]))


def main() -> None:
    """Print the standard error of the labels named on the command line."""
    parser = Arguments("cm3d.evaluation.nuscenes.uncertainty", __doc__)
    parser.add_argument("labels", type=Path, help="folder with one Parquet file per scene")
    parser.add_argument("--split", default="val", choices=["train", "val"])
    arguments = parser.parse_args()
    taxonomy = load_taxonomy(load_params().taxonomy)
    frames = layout.split_frames(arguments.split, wanted_by="--split")
    truth, racks = read_truth(frames, taxonomy)
    labels = read_scenes(Boxes3D, arguments.labels, sorted(set(frames.scene_name)))
    result = bootstrap_mean_ap(labels, truth, frames, racks, taxonomy)
    print(
        f"mAP {100 * result.mean_ap:.1f} ± {100 * result.standard_error:.1f} points "
        f"(standard error, {result.scenes} scenes, {result.resamples} resamples)"
    )


if __name__ == "__main__":
    run_program(main)
