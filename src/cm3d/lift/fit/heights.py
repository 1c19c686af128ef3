"""Height of objects: between what their class suggests and what is seen."""

import numpy as np

from cm3d.geometry.arrays import NDArrayFloat
from cm3d.lift.fit.observations import MaskViews, Samples

_PLAUSIBLE = (0.4, 1.8)  # share of the class's height; else the mask is cut or spills over


def seen_heights(
    samples: Samples,
    views: MaskViews,
    bottom_m: NDArrayFloat,
    prior_m: NDArrayFloat,
    trust: float,
) -> NDArrayFloat:
    """Heights (N,) from the ground to the top of the mask, blended with those of the class.

    The top is where the ray through the mask's upper edge passes over the object's points, and
    no lower than the highest of them; a mask that the image's edge cuts has the latter alone.

    Args:
        samples: Points of N objects.
        views: Their masks.
        bottom_m: (N,) height of the ground below them, global frame.
        prior_m: (N,) heights that their classes suggest.
        trust: Share of the evidence in the blend of logarithms; the class has the rest.
    """
    middle_m = samples.mean()
    highest_m = np.where(samples.valid, samples.points_m[..., 2], -np.inf).max(axis=1)
    cut = views.box_px[:, 1] < 1
    top_m = np.where(cut, highest_m, np.maximum(highest_m, _height_at_row(middle_m, views)))
    seen_m = top_m - bottom_m
    plausible = (seen_m > _PLAUSIBLE[0] * prior_m) & (seen_m < _PLAUSIBLE[1] * prior_m)
    ratio = np.where(plausible, seen_m / prior_m, 1.0)
    return np.asarray(prior_m * ratio**trust)


def _height_at_row(points_m: NDArrayFloat, views: MaskViews) -> NDArrayFloat:
    """Height (N,) above or below points (N, 3) at which a mask's upper edge is seen.

    Raising a point by h changes its homogeneous pixel by h times the projection's third column;
    the row is where the ratio of its second to its third element is the edge's.
    """
    matrix, row_px = views.pixels_P_global, views.box_px[:, 1]
    homogeneous = np.einsum("nij,nj->ni", matrix[:, :, :3], points_m) + matrix[:, :, 3]
    missing = row_px * homogeneous[:, 2] - homogeneous[:, 1]
    per_metre = matrix[:, 1, 2] - row_px * matrix[:, 2, 2]
    return np.asarray(points_m[:, 2] + missing / per_metre)
