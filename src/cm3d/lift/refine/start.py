"""Where the search for boxes starts: headings to try, and boxes behind the sides that are seen."""

import numpy as np

from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat
from cm3d.lift.refine.candidates import Candidates
from cm3d.lift.refine.objective import Objective


def at(center_m: NDArrayFloat, objective: Objective, yaw_rad: NDArrayFloat) -> Candidates:
    """Boxes (N,) of given centres (N, 3) and headings (N,) and their classes' sizes."""
    return Candidates(
        center_m[:, 0], center_m[:, 1], yaw_rad, objective.length_m, objective.width_m
    )


def behind_seen_sides(objective: Objective, yaw_rad: NDArrayFloat) -> Candidates:
    """Boxes of given headings and their classes' sizes whose near sides touch the points.

    Along an axis of which the sensor sees a face, the box reaches away from the outermost point;
    along the other it is centred on the points. Objects that do not fill their boxes are centred
    on the mean of their points.

    Args:
        objective: What is known of N objects.
        yaw_rad: (N,) headings.
    """
    samples = objective.samples
    at_origin = at(np.zeros((len(yaw_rad), 3)), objective, yaw_rad)
    along_m, across_m = at_origin.expanded().in_box_frame(
        samples.points_m[..., 0], samples.points_m[..., 1]
    )
    sensor_along_m, sensor_across_m = at_origin.in_box_frame(*objective.sensor_m[:2])
    boxes = at_origin.moved(
        _centre(along_m, samples.valid, sensor_along_m, objective.length_m),
        _centre(across_m, samples.valid, sensor_across_m, objective.width_m),
    )
    mean_m, hollow = samples.mean(), objective.hollow
    return boxes._replace(
        x_m=np.where(hollow, mean_m[:, 0], boxes.x_m), y_m=np.where(hollow, mean_m[:, 1], boxes.y_m)
    )


def _centre(
    position_m: NDArrayFloat, valid: NDArrayBool, sensor_m: NDArrayFloat, extent_m: NDArrayFloat
) -> NDArrayFloat:
    """Centre (N,) along one axis."""
    low_m = np.where(valid, position_m, np.inf).min(axis=1)
    high_m = np.where(valid, position_m, -np.inf).max(axis=1)
    beyond = np.where(sensor_m > high_m, high_m - extent_m / 2, (low_m + high_m) / 2)
    return np.asarray(np.where(sensor_m < low_m, low_m + extent_m / 2, beyond))
