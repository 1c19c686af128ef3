"""Materials, fixed or drawn per object."""

import colorsys

import numpy as np
from numpy.random import Generator

from cm3d.simulation.shapes.mesh import Material

GLASS = Material((0.07, 0.09, 0.11), 0.05, transparent=True)
CHROME = Material((0.6, 0.6, 0.62), 0.5)
RUBBER = Material((0.06, 0.06, 0.06), 0.04)
STEEL = Material((0.35, 0.36, 0.38), 0.3)
HEADLIGHT = Material((0.95, 0.95, 0.9), 0.7)
TAIL_LIGHT = Material((0.65, 0.04, 0.04), 0.6)
PLATE = Material((0.9, 0.9, 0.85), 0.95)
SKIRT = Material((0.12, 0.12, 0.13), 0.1)
REFLECTIVE_WHITE = Material((0.95, 0.95, 0.95), 0.95)
CONE_ORANGE = Material((0.95, 0.33, 0.06), 0.5)
HI_VIS = Material((0.85, 0.95, 0.15), 0.8)
CONCRETE = Material((0.62, 0.6, 0.57), 0.35, 0.15)

_CAR_PAINTS = (
    (0.88, 0.88, 0.88),
    (0.55, 0.57, 0.6),
    (0.3, 0.31, 0.33),
    (0.1, 0.1, 0.11),
    (0.6, 0.08, 0.08),
    (0.09, 0.18, 0.45),
    (0.75, 0.7, 0.58),
    (0.1, 0.3, 0.2),
    (0.8, 0.55, 0.1),
)
_SKINS = ((0.9, 0.72, 0.6), (0.75, 0.55, 0.42), (0.5, 0.34, 0.25), (0.32, 0.21, 0.15))


def car_paint(rng: Generator) -> Material:
    """A vehicle's body colour: mostly greys, as on the road."""
    red, green, blue = _CAR_PAINTS[int(rng.integers(len(_CAR_PAINTS)))]
    shade = rng.uniform(0.9, 1.08)
    return Material(
        (min(red * shade, 1.0), min(green * shade, 1.0), min(blue * shade, 1.0)),
        float(0.08 + 0.5 * (red + green + blue) / 3 + rng.uniform(0, 0.1)),
    )


def machine_paint(rng: Generator) -> Material:
    """A construction machine's yellow, more or less faded."""
    red, green, blue = rng.uniform(0.8, 1.0) * np.array([0.98, 0.7, 0.08])
    return Material((red, green, blue), 0.45)


def bright_paint(rng: Generator) -> Material:
    """A saturated colour of any hue."""
    hue, saturation, value = rng.uniform([0.0, 0.5, 0.45], [1.0, 0.95, 0.95])
    return Material(colorsys.hsv_to_rgb(hue, saturation, value), float(rng.uniform(0.25, 0.55)))


def cloth(rng: Generator) -> Material:
    """Clothing."""
    hue, saturation, value = rng.uniform([0.0, 0.0, 0.08], [1.0, 0.7, 0.85])
    return Material(
        colorsys.hsv_to_rgb(hue, saturation, value), float(rng.uniform(0.15, 0.5)), 0.05
    )


def skin(rng: Generator) -> Material:
    """Skin of any tone."""
    return Material(_SKINS[int(rng.integers(len(_SKINS)))], 0.4)
