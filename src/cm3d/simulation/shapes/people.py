"""People: walking, standing, sitting, at work, on a cycle."""

from dataclasses import dataclass

from numpy.random import Generator

from cm3d.simulation.shapes import paint
from cm3d.simulation.shapes.mesh import Material, Mesh
from cm3d.simulation.shapes.solids import ball, box, tube, wedge


@dataclass(frozen=True)
class Outfit:
    """What a person wears."""

    top: Material
    trousers: Material
    skin: Material
    hat: Material

    @classmethod
    def drawn(cls, rng: Generator, worker: bool = False) -> "Outfit":
        """A random outfit; workers wear a reflective vest and a helmet."""
        top, trousers, face, hair = (
            paint.cloth(rng),
            paint.cloth(rng),
            paint.skin(rng),
            rng.random(),
        )
        hat = Material((0.25 * hair, 0.18 * hair, 0.1 * hair), 0.1)
        if worker:
            return cls(paint.HI_VIS, trousers, face, Material((0.95, 0.8, 0.1), 0.6))
        return cls(top, trousers, face, hat)


def walker(rng: Generator, length_m: float, width_m: float, height_m: float) -> Mesh:
    """A person in mid-stride: legs apart along x, arms swinging against them."""
    return _upright(Outfit.drawn(rng), rng.uniform(0.2, 0.3), rng).fitted(
        length_m, width_m, height_m
    )


def stander(rng: Generator, length_m: float, width_m: float, height_m: float) -> Mesh:
    """A person who stands, feet together, one hand raised before the chest."""
    return _upright(Outfit.drawn(rng), 0.05, rng).fitted(length_m, width_m, height_m)


def worker(rng: Generator, length_m: float, width_m: float, height_m: float) -> Mesh:
    """A construction worker."""
    outfit = Outfit.drawn(rng, worker=True)
    return _upright(outfit, rng.uniform(0.05, 0.2), rng).fitted(length_m, width_m, height_m)


def sitter(rng: Generator, length_m: float, width_m: float, height_m: float) -> Mesh:
    """A person on a bench, thighs forward."""
    outfit = Outfit.drawn(rng)
    legs = [
        part
        for y in (-0.1, 0.1)
        for part in (
            tube((-0.2, y, 0.5), (0.25, y, 0.5), 0.08, outfit.trousers),
            tube((0.25, y, 0.5), (0.28, y, 0.02), 0.06, outfit.trousers),
        )
    ]
    arms = [tube((-0.2, y, 0.95), (0.1, 0.7 * y, 0.6), 0.045, outfit.top) for y in (-0.23, 0.23)]
    torso = [*_torso(outfit, (-0.2, 0.45), (-0.22, 1.05)), *_head(outfit, (-0.18, 0, 1.22))]
    return Mesh.concatenate([*legs, *arms, *torso]).fitted(length_m, width_m, height_m)


def rider(rng: Generator, seat_m: tuple[float, float], grip_m: tuple[float, float]) -> Mesh:
    """A person on a cycle, in the cycle's frame with z = 0 on the ground.

    Args:
        rng: Draws the clothes.
        seat_m: x and z of the saddle.
        grip_m: x and z of the handlebar.
    """
    outfit = Outfit.drawn(rng)
    (seat_x, seat_z), (grip_x, grip_z) = seat_m, grip_m
    shoulder_x, shoulder_z = seat_x + 0.18, seat_z + 0.5
    knee_x, knee_z = seat_x + 0.38, seat_z - 0.18
    limbs = [
        part
        for y in (-0.13, 0.13)
        for part in (
            tube((seat_x, y, seat_z + 0.05), (knee_x, y, knee_z), 0.075, outfit.trousers),
            tube((knee_x, y, knee_z), (knee_x - 0.1, y, 0.25), 0.06, outfit.trousers),
            tube(
                (shoulder_x, 1.4 * y, shoulder_z - 0.05),
                (grip_x, 1.8 * y, grip_z),
                0.045,
                outfit.top,
            ),
        )
    ]
    torso = _torso(outfit, (seat_x, seat_z), (shoulder_x, shoulder_z))
    head = _head(outfit, (shoulder_x + 0.06, 0, shoulder_z + 0.2))
    return Mesh.concatenate([*limbs, *torso, *head])


def _upright(outfit: Outfit, stride_m: float, rng: Generator) -> Mesh:
    """A standing or walking body of about 1.75 m."""
    forward = 1 if rng.random() < 0.5 else -1
    parts = [*_torso(outfit, (0, 0.85), (0.02, 1.45)), *_head(outfit, (0.03, 0, 1.62))]
    for side in (-1, 1):
        reach = forward * side * stride_m
        hip, foot, shoulder = 0.1 * side, 0.11 * side, 0.23 * side
        hand_x = -0.8 * reach if stride_m > 0.1 else 0.22 * (side == forward)
        hand_z = 0.85 if stride_m > 0.1 else 0.85 + 0.35 * (side == forward)
        parts += [
            tube((0, hip, 0.88), (reach, foot, 0.06), 0.085, outfit.trousers, 0.06),
            box((reach + 0.05, foot, 0.035), (0.26, 0.09, 0.07), paint.RUBBER),
            tube(
                (0, shoulder, 1.4), (0.4 * hand_x - 0.03, 1.15 * shoulder, 1.12), 0.05, outfit.top
            ),
            tube(
                (0.4 * hand_x - 0.03, 1.15 * shoulder, 1.12),
                (hand_x, shoulder, hand_z),
                0.04,
                outfit.skin,
            ),
        ]
    if rng.random() < 0.35:
        parts.append(box((-0.17, 0, 1.2), (0.14, 0.28, 0.4), paint.cloth(rng)))
    return Mesh.concatenate(parts)


def _torso(outfit: Outfit, hip: tuple[float, float], shoulder: tuple[float, float]) -> list[Mesh]:
    """A trunk that leans from the hip to the shoulder, both x and z."""
    (hip_x, hip_z), (top_x, top_z) = hip, shoulder
    return [
        wedge(
            (hip_x - 0.11, hip_x + 0.11, 0.16),
            (top_x - 0.1, top_x + 0.1, 0.21),
            (hip_z, top_z),
            outfit.top,
        )
    ]


def _head(outfit: Outfit, center: tuple[float, float, float]) -> list[Mesh]:
    """A head with hair or helmet, and a neck."""
    x, y, z = center
    face = ball(center, (0.1, 0.085, 0.12), outfit.skin)
    cap = ball((x - 0.02, y, z + 0.05), (0.11, 0.1, 0.09), outfit.hat, subdivisions=0)
    neck = tube((x - 0.02, y, z - 0.2), (x - 0.01, y, z - 0.05), 0.05, outfit.skin)
    return [face, cap, neck]
