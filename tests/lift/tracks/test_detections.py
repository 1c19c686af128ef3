import numpy as np
import pytest

from cm3d.errors import InputError
from cm3d.lift.tracks.detections import Motion, motion_of_classes, velocity_covariances
from cm3d.params import Tracks
from tests.lift.known import CLASS_NAMES, TAXONOMY


def test_groups_hold_classes_that_are_confused(all_on: Tracks) -> None:
    numbers = motion_of_classes(TAXONOMY, all_on).group.tolist()
    groups = dict(zip(CLASS_NAMES, numbers, strict=True))
    assert len(set(numbers)) == 5
    vehicles = ("car", "truck", "bus", "trailer", "construction_vehicle")
    assert [name for name in CLASS_NAMES if groups[name] == groups["car"]] == list(vehicles)
    assert groups["bicycle"] == groups["motorcycle"] != groups["pedestrian"]


def test_motion_is_read_by_group(all_on: Tracks) -> None:
    motion = motion_of_classes(TAXONOMY, all_on)[[CLASS_NAMES.index("pedestrian")]]
    for name, value in all_on.motion["pedestrian"].model_dump().items():
        assert getattr(motion, name).tolist() == [value]


def test_group_without_a_motion_names_its_class(all_on: Tracks) -> None:
    fewer = {name: prior for name, prior in all_on.motion.items() if name != "cone"}
    params = all_on.model_copy(update={"motion": fewer})
    with pytest.raises(InputError, match=r"lift\.tracks\.motion: no group 'cone', .*traffic_cone"):
        motion_of_classes(TAXONOMY, params)


def test_velocities_along_the_heading_are_larger() -> None:
    along, across = np.full(3, 8.0), np.full(3, 2.0)
    motion = Motion(np.zeros(3, np.int64), along, across, *np.zeros((3, 3)))
    found = velocity_covariances(np.array([0.0, np.pi / 2, np.pi / 4]), motion)
    expected = [[[64, 0], [0, 4]], [[4, 0], [0, 64]], [[34, 30], [30, 34]]]
    np.testing.assert_allclose(found, expected, atol=1e-9)
