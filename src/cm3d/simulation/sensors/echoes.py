"""What throws pulses back: the nearest surface, or what lies behind a pane of glass."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from cm3d.geometry.arrays import NDArrayFloat, NDArrayFloat32
from cm3d.params import Simulation
from cm3d.simulation.sensors.rays import NDArrayIndex
from cm3d.simulation.sensors.snapshot import Snapshot

# A pulse enters a car and leaves it again; what is behind a second car is not worth the time.
_MOST_PANES: Final = 2
_PANE_M: Final = np.float32(0.005)
# Share of light that comes back through a pane, there and back.
_PANE_LIGHT: Final = np.float32(0.7)
# Cosine of incidence below which a skin is not looked for further along the pulse.
_GRAZING: Final = 0.3
# Of seats, dashboards and people, at any angle.
_CABIN_REFLECTIVITY: Final = np.float32(0.2)


@dataclass(frozen=True, eq=False)
class Echoes:
    """Where P pulses are thrown back.

    Args:
        face: (P,) triangle, for its object; -1 where nothing is.
        distance_m: (P,) along the pulse.
        light: (P,) share of light that returns, without the loss by distance; in [0, 1].
    """

    face: NDArrayIndex
    distance_m: NDArrayFloat32
    light: NDArrayFloat32

    @classmethod
    def concatenate(cls, parts: Sequence["Echoes"]) -> "Echoes":
        """Of several parts of a turn, whose snapshots have the same triangles."""
        return cls(
            np.concatenate([part.face for part in parts]),
            np.concatenate([part.distance_m for part in parts]),
            np.concatenate([part.light for part in parts]),
        )


def thrown_back(
    snapshot: Snapshot,
    origin_m: NDArrayFloat,
    directions: NDArrayFloat32,
    params: Simulation,
    rng: np.random.Generator,
) -> Echoes:
    """Echoes of pulses that leave one point, as glass and the skins of vehicles have them.

    Args:
        snapshot: The world.
        origin_m: (3,) global frame.
        directions: (P, 3) unit vectors, global frame.
        params: How many pulses pass glass, and how deep skins lie.
        rng: Source of chance.
    """
    echoes = first_echoes(snapshot, origin_m, directions)
    echoes = through_glass(snapshot, origin_m, directions, echoes, params, rng)
    return recessed(snapshot, directions, echoes, params.lidar_body_recess_m)


def first_echoes(snapshot: Snapshot, origin_m: NDArrayFloat, directions: NDArrayFloat32) -> Echoes:
    """Echoes of the nearest surfaces.

    Args:
        snapshot: The world.
        origin_m: (3,) global frame.
        directions: (P, 3) unit vectors, global frame.
    """
    hits = snapshot.cast(origin_m, directions)
    return Echoes(hits.face, hits.distance_m, _light(snapshot, hits.face, directions))


def recessed(
    snapshot: Snapshot, directions: NDArrayFloat32, echoes: Echoes, recess_m: float
) -> Echoes:
    """Echoes of vehicles whose skin lies within the box that their meshes fill.

    Args:
        snapshot: The world, which knows how much room each box has.
        directions: (P, 3) unit vectors, global frame.
        echoes: Of the meshes.
        recess_m: Mean distance between box and skin, at right angles to the surface.
    """
    cosine = np.abs(np.sum(snapshot.surfaces.normal[echoes.face] * directions, axis=1))
    room_m = recess_m * snapshot.generosity[snapshot.surfaces.instance_id[echoes.face]]
    deeper_m = np.where(echoes.face >= 0, room_m / np.maximum(cosine, _GRAZING), 0.0)
    return Echoes(echoes.face, (echoes.distance_m + deeper_m).astype(np.float32), echoes.light)


def through_glass(
    snapshot: Snapshot,
    origin_m: NDArrayFloat,
    directions: NDArrayFloat32,
    echoes: Echoes,
    params: Simulation,
    rng: np.random.Generator,
) -> Echoes:
    """Echoes where some pulses go through the glass that they met.

    Inside, a pulse meets a seat, a person or a dashboard after a random way, unless the far side
    comes first; cabins are empty for cameras, which do not see through glass.

    Args:
        snapshot: The world.
        origin_m: (3,) global frame.
        directions: (P, 3) unit vectors, global frame.
        echoes: Of the nearest surfaces.
        params: How many pulses pass, and how full cabins are.
        rng: Source of both.
    """
    face, distance_m, light = echoes.face.copy(), echoes.distance_m.copy(), echoes.light.copy()
    local_m = (origin_m - snapshot.anchor_m).astype(np.float32)
    surfaces = snapshot.surfaces
    passing = np.flatnonzero(face >= 0)
    for panes in range(1, _MOST_PANES + 1):
        passing = passing[(face[passing] >= 0) & surfaces.transparent[face[passing]]]
        passing = passing[rng.random(len(passing)) < params.lidar_glass_transmission]
        if not len(passing):
            break
        pane, way = face[passing], directions[passing]
        entry_m = distance_m[passing] + _PANE_M
        behind = snapshot.cast_local(local_m + entry_m[:, None] * way, way)
        same = surfaces.instance_id[pane] == surfaces.instance_id[behind.face]
        entering = np.sum(surfaces.normal[pane] * way, axis=1) < 0
        seat_m = rng.exponential(params.lidar_cabin_path_m, len(passing)).astype(np.float32)
        seated = (behind.face >= 0) & same & entering & (seat_m < behind.distance_m)
        face[passing] = np.where(seated, pane, behind.face)
        distance_m[passing] = entry_m + np.where(seated, seat_m, behind.distance_m)
        met = np.where(seated, _CABIN_REFLECTIVITY, _light(snapshot, behind.face, way))
        light[passing] = _PANE_LIGHT**panes * met
        passing = passing[~seated]
    return Echoes(face, distance_m, light)


def _light(snapshot: Snapshot, face: NDArrayIndex, directions: NDArrayFloat32) -> NDArrayFloat32:
    """Reflectivity times the cosine of incidence (P,); a miss, face -1, reads the last triangle."""
    cosine = np.abs(np.sum(snapshot.surfaces.normal[face] * directions, axis=1))
    return np.asarray(snapshot.surfaces.reflectivity[face] * cosine)
