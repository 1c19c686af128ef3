"""Constant-velocity Kalman filter and Rauch-Tung-Striebel smoother, many objects at once."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat
from cm3d.geometry.rows import Rows


@dataclass(frozen=True, eq=False)
class States(Rows):
    """What is known of objects.

    Args:
        mean: (..., 4) x, y in metres and their velocities in m/s, global frame.
        covariance: (..., 4, 4).
    """

    mean: NDArrayFloat
    covariance: NDArrayFloat

    @classmethod
    def born(
        cls, xy_m: NDArrayFloat, std_m: NDArrayFloat, velocity_covariance: NDArrayFloat
    ) -> Self:
        """States after a first observation, velocity 0 on average.

        Args:
            xy_m: (N, 2) observed positions.
            std_m: (N,) standard deviation of each coordinate.
            velocity_covariance: (N, 2, 2) of the velocities that are possible.
        """
        covariance = np.zeros((len(xy_m), 4, 4))
        covariance[:, :2, :2] = std_m[:, None, None] ** 2 * np.eye(2)
        covariance[:, 2:, 2:] = velocity_covariance
        return cls(np.hstack([xy_m, np.zeros_like(xy_m)]), covariance)

    def predicted(self, dt_s: NDArrayFloat | float, acceleration_mps2: NDArrayFloat) -> Self:
        """Later states; the acceleration (N,) is white noise, constant over each step (N,)."""
        transition = _transition(dt_s, len(self.mean))
        turned = transition @ self.covariance @ transition.swapaxes(-1, -2)
        noise = _process_noise(dt_s, acceleration_mps2)
        return type(self)((transition @ self.mean[..., None])[..., 0], turned + noise)

    def corrected(self, xy_m: NDArrayFloat, std_m: NDArrayFloat, observed: NDArrayBool) -> Self:
        """States after an observation, of those objects that are `observed` (N,)."""
        innovation = self.covariance[:, :2, :2] + std_m[:, None, None] ** 2 * np.eye(2)
        gain = self.covariance[:, :, :2] @ inverse_2x2(innovation)
        gain = np.where(observed[:, None, None], gain, 0.0)
        residual = np.where(observed[:, None], xy_m - self.mean[:, :2], 0.0)
        mean = self.mean + (gain @ residual[..., None])[..., 0]
        return type(self)(mean, self.covariance - gain @ self.covariance[:, :2, :])


def smoothed(
    xy_m: NDArrayFloat,
    std_m: NDArrayFloat,
    observed: NDArrayBool,
    velocity_covariance: NDArrayFloat,
    acceleration_mps2: NDArrayFloat,
    time_s: NDArrayFloat,
) -> States:
    """States (N, T) of N tracks, forward and backward through all observations.

    They mean nothing before a track's first observation.

    Args:
        xy_m: (N, T, 2) positions, global frame; any finite number where there is none.
        std_m: (N, T) standard deviation of each coordinate.
        observed: (N, T) where there is a position, at least one per track.
        velocity_covariance: (N, 2, 2) before any observation.
        acceleration_mps2: (N,) standard deviation.
        time_s: (T,) ascending.
    """
    first = observed.argmax(axis=1)
    state = States.born(xy_m[:, 0], std_m[:, 0], velocity_covariance)
    predictions, filtered = [state], [state]
    for step in range(1, len(time_s)):
        dt_s = float(time_s[step] - time_s[step - 1])
        prediction = filtered[-1].predicted(dt_s, acceleration_mps2)
        state = prediction.corrected(xy_m[:, step], std_m[:, step], observed[:, step])
        born = States.born(xy_m[:, step], std_m[:, step], velocity_covariance)
        begins = first >= step
        predictions.append(prediction)
        filtered.append(
            States(
                np.where(begins[:, None], born.mean, state.mean),
                np.where(begins[:, None, None], born.covariance, state.covariance),
            )
        )
    return _backward(predictions, filtered, time_s)


def doubt(offset_m: NDArrayFloat, std_m: NDArrayFloat, dof: float) -> NDArrayFloat:
    """Factors (...) on the variance of observations that are so far off, in Student's t noise.

    Iterated, a least-squares fit with these variances is the most likely one under noise whose
    tails are those of a t distribution: what is far off hardly pulls.

    Args:
        offset_m: (..., 2) from where the fit expects them.
        std_m: (...) standard deviation of each coordinate.
        dof: Degrees of freedom; the more, the closer to a normal distribution.
    """
    square = np.sum(offset_m**2, axis=-1) / std_m**2
    return np.asarray((dof + square) / (dof + 2))


def _backward(predictions: list[States], filtered: list[States], time_s: NDArrayFloat) -> States:
    """Rauch-Tung-Striebel recursion over the states of every step."""
    result = [filtered[-1]]
    for step in range(len(filtered) - 2, -1, -1):
        now, later, after = filtered[step], predictions[step + 1], result[-1]
        transition = _transition(float(time_s[step + 1] - time_s[step]), len(now.mean))
        # The gain is P F' inv(P_later); both covariances are symmetric.
        gain = np.linalg.solve(later.covariance, transition @ now.covariance).swapaxes(-1, -2)
        mean = now.mean + (gain @ (after.mean - later.mean)[..., None])[..., 0]
        change = gain @ (after.covariance - later.covariance) @ gain.swapaxes(-1, -2)
        result.append(States(mean, now.covariance + change))
    result.reverse()
    return States(
        np.stack([state.mean for state in result], axis=1),
        np.stack([state.covariance for state in result], axis=1),
    )


def inverse_2x2(matrix: NDArrayFloat) -> NDArrayFloat:
    """Inverses of (..., 2, 2) matrices."""
    a, b, c, d = (matrix[..., i, j] for i in (0, 1) for j in (0, 1))
    adjugate = np.stack([d, -b, -c, a], axis=-1).reshape(matrix.shape)
    return np.asarray(adjugate / (a * d - b * c)[..., None, None])


def _transition(dt_s: NDArrayFloat | float, count: int) -> NDArrayFloat:
    """(N, 4, 4) that moves states by a step."""
    transition = np.tile(np.eye(4), (count, 1, 1))
    transition[:, 0, 2] = transition[:, 1, 3] = dt_s
    return transition


def _process_noise(dt_s: NDArrayFloat | float, acceleration_mps2: NDArrayFloat) -> NDArrayFloat:
    """(N, 4, 4) uncertainty that a step adds."""
    dt_s = np.broadcast_to(dt_s, acceleration_mps2.shape)
    reach = np.stack([dt_s**2 / 2, dt_s], axis=-1) * acceleration_mps2[:, None]
    noise = np.einsum("ni,nj,kl->nikjl", reach, reach, np.eye(2))
    return np.asarray(noise.reshape(-1, 4, 4))
