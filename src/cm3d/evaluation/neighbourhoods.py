"""Which boxes could ever match: the devkit compares every pair of a frame, this spares it most."""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

from cm3d.tables import Boxes3D, GroundTruth, NDArrayFloat, NDArrayInt

_MARGIN_M = 1e-6  # distances are rounded differently here and in the devkit


def neighbourhoods(
    predictions: Boxes3D, ground_truth: GroundTruth, reach_m: float
) -> tuple[NDArrayInt, NDArrayInt]:
    """Label predictions (N,) and ground truth (M,) by neighbourhood.

    A prediction and a ground truth box of the same frame and class that are nearer than
    `reach_m` in xy share one, and so do boxes that are linked by others. Matching within
    neighbourhoods is therefore the same as matching within frames.
    """
    position = _separated(Boxes3D.concatenate([predictions, ground_truth]), reach_m)
    count = len(position)
    first, second = KDTree(position[: len(predictions)]), KDTree(position[len(predictions) :])
    near = first.sparse_distance_matrix(second, reach_m + _MARGIN_M, output_type="ndarray")
    pairs = (near["i"], near["j"] + len(predictions))
    graph = coo_array((np.ones(len(near), dtype=bool), pairs), shape=(count, count))
    label = connected_components(graph, directed=False)[1].astype(np.int64)
    return label[: len(predictions)], label[len(predictions) :]


def _separated(boxes: Boxes3D, reach_m: float) -> NDArrayFloat:
    """Positions (N, 3): x, y, and a height that keeps frames and classes out of reach."""
    _, frame = np.unique(boxes.sample_token.astype(str), return_inverse=True)
    names, class_index = np.unique(boxes.class_name.astype(str), return_inverse=True)
    group = frame * len(names) + class_index
    return np.column_stack([boxes.center_m[:, :2], 10 * reach_m * group])
