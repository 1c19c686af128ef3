"""Which predictions could ever match which ground truth: same frame, same class, in reach."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import KDTree

from cm3d.tables import Boxes3D, GroundTruth, NDArrayFloat, NDArrayInt
from cm3d.tables.lookup import codes

_MARGIN_M = 1e-6  # the tree rounds distances differently


@dataclass(frozen=True, eq=False)
class Candidates:
    """Pairs (P,) of a prediction and a ground truth box.

    Args:
        prediction: Row of the prediction.
        truth: Row of the ground truth box.
        distance_m: Distance of their centres in xy.
    """

    prediction: NDArrayInt
    truth: NDArrayInt
    distance_m: NDArrayFloat


def candidate_pairs(predictions: Boxes3D, ground_truth: GroundTruth, reach_m: float) -> Candidates:
    """All pairs of a frame and class within reach, and perhaps some just beyond; in no order."""
    position = _separated(Boxes3D.concatenate([predictions, ground_truth]), reach_m)
    first, second = KDTree(position[: len(predictions)]), KDTree(position[len(predictions) :])
    near = first.sparse_distance_matrix(second, reach_m + _MARGIN_M, output_type="ndarray")
    prediction, truth = near["i"].astype(np.int64), near["j"].astype(np.int64)
    offset_m = predictions.center_m[prediction, :2] - ground_truth.center_m[truth, :2]
    return Candidates(prediction, truth, norms(offset_m))


def norms(vectors: NDArrayFloat) -> NDArrayFloat:
    """Lengths (N,) of vectors (N, 2), to the last bit those of `np.linalg.norm` one by one.

    The matrix product rounds as the dot product in there does (with fused multiply-add, where
    the processor has it), sums of squares do not; the last bit decides ties.
    """
    return np.asarray(np.sqrt(vectors[:, None, :] @ vectors[:, :, None])[:, 0, 0])


def _separated(boxes: Boxes3D, reach_m: float) -> NDArrayFloat:
    """Positions (N, 3): x, y, and a height that keeps frames and classes out of reach."""
    class_index = codes(boxes.class_name)
    group = codes(boxes.sample_token) * (class_index.max(initial=0) + 1) + class_index
    return np.column_stack([boxes.center_m[:, :2], 10 * reach_m * group])
