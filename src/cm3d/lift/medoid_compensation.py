"""Medoid compensation (paper, appendix A)."""

import numpy as np

from cm3d.geometry.angles import direction_of
from cm3d.geometry.arrays import NDArrayFloat


def push_from_ego(
    medoid_m: NDArrayFloat,
    length_m: NDArrayFloat,
    width_m: NDArrayFloat,
    yaw_rad: NDArrayFloat,
    ego_xy_m: NDArrayFloat,
) -> NDArrayFloat:
    """Push medoids from the visible surface to the centre, radially away from the ego vehicle.

    With alpha the direction from the medoid to the ego vehicle and theta the box's yaw, the
    distance is min(|w / (2 sin(alpha - theta))|, |l / (2 cos(alpha - theta))|): from a box's
    centre to its outline. The length and the width are the right way round: a car seen end-on
    moves by half its length. All classes are pushed ("all predictions"), those without a lane
    at the yaw that they get, 0. The height does not change.

    Args:
        medoid_m: (N, 3) medoids, global frame.
        length_m: (N,) extents along the yaw.
        width_m: (N,) extents across the yaw.
        yaw_rad: (N,) yaws, global frame.
        ego_xy_m: (2,) ego position, global frame.

    Returns:
        (N, 3) centres, global frame.
    """
    to_ego = ego_xy_m - medoid_m[:, :2]
    alpha_rad = direction_of(to_ego)
    across = np.abs(np.sin(alpha_rad - yaw_rad))
    along = np.abs(np.cos(alpha_rad - yaw_rad))
    # The smaller of two fractions, written as one over the larger inverse: never divides by 0.
    distance_m = 0.5 / np.maximum(across / width_m, along / length_m)
    towards_ego = np.column_stack([np.cos(alpha_rad), np.sin(alpha_rad), np.zeros(len(medoid_m))])
    return np.asarray(medoid_m - distance_m[:, None] * towards_ego)
