"""What one of Waymo's LiDARs measures of a simulated world in one frame."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from cm3d.datasets.waymo.components import TOP
from cm3d.datasets.waymo.frames import Scan, pixel_poses
from cm3d.datasets.waymo.range_images import CHANNELS, INTENSITY, NO_RETURN, RANGE, Image
from cm3d.datasets.waymo_sim.rig import FRAME_PERIOD_US, Scanner
from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat, NDArrayInt
from cm3d.simulation.drive import Drive
from cm3d.simulation.sensors.echoes import Echoes, thrown_back
from cm3d.simulation.sensors.lidar import Luck, apart, detected, mixed, steps_m
from cm3d.simulation.sensors.rays import NDArrayIndex

# A turn is measured in so many pieces: within one, nothing moves.
_PIECES: Final = 9


@dataclass(frozen=True, eq=False)
class Measured:
    """One frame of a LiDAR.

    Args:
        scan: As the files have it.
        points_m: (N, 3) its returns, global frame, by the true poses.
        instance_ids: What it met.
    """

    scan: Scan
    points_m: NDArrayFloat
    instance_ids: NDArrayIndex


@dataclass(frozen=True, eq=False)
class _Piece:
    """Columns (C',) of those within view that are measured at one time."""

    time_us: int
    columns: NDArrayInt


@dataclass(frozen=True, eq=False)
class _Met:
    """What the P pulses of a turn met, clockwise, the uppermost beam first.

    Args:
        echoes: Where they are thrown back.
        instance_id: (P,) of what.
        origin_m: (P, 3) where they left, global frame.
        direction: (P, 3) unit vectors, global frame.
    """

    echoes: Echoes
    instance_id: NDArrayIndex
    origin_m: NDArrayFloat
    direction: NDArrayFloat

    def points_m(self, range_m: NDArrayFloat, which: NDArrayBool) -> NDArrayFloat:
        """Where (N, 3) some of them are by their ranges (P,)."""
        return np.asarray(self.origin_m[which] + self.direction[which] * range_m[which, None])


def measure(drive: Drive, scanner: Scanner, frame_us: int) -> Measured:
    """Range images of both returns.

    A pulse that an edge splits has two echoes: they are told apart where the depths are far apart,
    and melt into one between them where they are not.

    Args:
        drive: The world, and what may go wrong.
        scanner: The LiDAR.
        frame_us: Time of the frame.
    """
    params, shape = drive.params, (len(scanner.columns), scanner.height)
    rng = drive.rng(f"laser {scanner.laser.name}", frame_us)
    luck = Luck.drawn(rng, shape[0] * shape[1], params.lidar_range_noise_m)
    pieces = list(_pieces(scanner, frame_us, params.lidar_smear))
    met = _meet(drive, scanner, pieces, rng)
    is_split = luck.mixing < params.lidar_mixed_share
    range_m = mixed(met.echoes, shape, np.where(is_split, luck.between, 0.0)) + luck.noise_m
    step_m = steps_m(met.echoes, shape)
    kept = detected(met.echoes, range_m, scanner.max_range_m, luck, params.lidar_dropout)
    nearer_m, farther_m = range_m + np.minimum(step_m, 0), range_m + np.maximum(step_m, 0)
    is_double = kept & is_split & apart(step_m)
    is_double &= (nearer_m > 0) & (farther_m <= scanner.max_range_m)
    first_m = np.where(is_double, nearer_m, range_m)
    scan = Scan(
        scanner.laser.name,
        _image(scanner, first_m, met.echoes, kept),
        _image(scanner, farther_m, met.echoes, is_double),
        _poses(drive, scanner, pieces) if scanner.laser.name == TOP else None,
    )
    points_m = [met.points_m(first_m, kept), met.points_m(farther_m, is_double)]
    return Measured(scan, np.concatenate(points_m), np.unique(met.instance_id[kept]))


def _meet(
    drive: Drive, scanner: Scanner, pieces: Sequence[_Piece], rng: np.random.Generator
) -> _Met:
    echoes, ids, origins_m, directions = [], [], [], []
    for piece in pieces:
        snapshot = drive.at(piece.time_us)
        pose = drive.global_SE3_ego(piece.time_us) @ scanner.laser.vehicle_SE3_lidar
        turned = pose.rotate(scanner.directions[piece.columns].reshape(-1, 3))
        way = turned.astype(np.float32)
        of_piece = thrown_back(snapshot, pose.translation_m, way, drive.params, rng)
        echoes.append(of_piece)
        ids.append(snapshot.surfaces.instance_id[of_piece.face])
        origins_m.append(np.broadcast_to(pose.translation_m, turned.shape))
        directions.append(turned)
    return _Met(
        Echoes.concatenate(echoes),
        np.concatenate(ids),
        np.concatenate(origins_m),
        np.concatenate(directions),
    )


def _pieces(scanner: Scanner, frame_us: int, smear: bool) -> Iterator[_Piece]:
    """What is measured when: clockwise from behind, ahead at the time of the frame."""
    columns = np.arange(len(scanner.columns))
    if not (scanner.turns and smear):
        yield _Piece(frame_us, columns)
        return
    for number, part in enumerate(np.array_split(columns, _PIECES)):
        share = (number + 0.5) / _PIECES - 0.5
        yield _Piece(frame_us + round(share * FRAME_PERIOD_US), part)


def _image(scanner: Scanner, range_m: NDArrayFloat, echoes: Echoes, kept: NDArrayBool) -> Image:
    """A range image (H, W, 4): nothing is elongated, and there are no zones without labels."""
    seen = np.zeros((len(scanner.columns), scanner.height, CHANNELS), dtype=np.float32)
    seen[..., RANGE] = np.where(kept, range_m, NO_RETURN).reshape(seen.shape[:2])
    seen[..., INTENSITY] = np.where(kept, echoes.light, 0.0).reshape(seen.shape[:2])
    seen[..., -1] = np.where(kept, -1.0, 0.0).reshape(seen.shape[:2])
    image = np.zeros((scanner.height, scanner.width, CHANNELS), dtype=np.float32)
    image[..., RANGE] = NO_RETURN
    image[:, scanner.columns] = seen.swapaxes(0, 1)
    return image


def _poses(drive: Drive, scanner: Scanner, pieces: Sequence[_Piece]) -> Image:
    """Where files say that the car was when each pixel was measured; all columns are in view."""
    poses = [
        pose
        for piece in pieces
        for pose in [drive.written_global_SE3_ego(piece.time_us)] * len(piece.columns)
    ]
    return pixel_poses(poses, scanner.height)
