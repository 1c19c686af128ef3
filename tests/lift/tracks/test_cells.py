import numpy as np
import pytest

from cm3d.lift.tracks.cells import motion_attributes
from tests.lift.known import CLASS_NAMES, TAXONOMY

CASES = {  # known, travelled, moving
    "seen once": (False, False, False),
    "never moved": (True, False, False),
    "waits": (True, True, False),
    "moves": (True, True, True),
}


@pytest.mark.parametrize(
    ("name", "case", "expected"),
    [
        ("car", "seen once", "vehicle.parked"),
        ("car", "never moved", "vehicle.parked"),
        ("truck", "waits", "vehicle.stopped"),
        ("trailer", "moves", "vehicle.moving"),
        ("bus", "seen once", "vehicle.moving"),
        ("bus", "never moved", "vehicle.stopped"),
        ("pedestrian", "seen once", "pedestrian.moving"),
        ("pedestrian", "never moved", "pedestrian.standing"),
        ("pedestrian", "waits", "pedestrian.standing"),
        ("pedestrian", "moves", "pedestrian.moving"),
        ("bicycle", "never moved", "cycle.without_rider"),
        ("motorcycle", "waits", "cycle.with_rider"),
        ("bicycle", "moves", "cycle.with_rider"),
        ("barrier", "never moved", ""),
        ("traffic_cone", "seen once", ""),
    ],
)
def test_attributes(name: str, case: str, expected: str) -> None:
    flags = (np.array([flag]) for flag in CASES[case])
    found = motion_attributes(np.array([CLASS_NAMES.index(name)]), *flags, TAXONOMY)
    assert list(found) == [expected]
