import numpy as np

from cm3d.lift.tracks.detections import velocity_covariances
from cm3d.lift.tracks.groups import Motion, group_indices, is_vehicle, motion_of
from cm3d.params import Tracks
from cm3d.tables.vocabulary import CLASS_NAMES, VEHICLE_CLASSES

CLASSES = np.arange(len(CLASS_NAMES))


def test_groups_hold_classes_that_are_confused() -> None:
    groups = dict(zip(CLASS_NAMES, group_indices(CLASSES).tolist(), strict=True))
    assert len(set(groups.values())) == 5
    assert len({groups[name] for name in VEHICLE_CLASSES}) == 1
    assert groups["bicycle"] == groups["motorcycle"] != groups["pedestrian"]
    np.testing.assert_array_equal(is_vehicle(CLASSES), np.isin(CLASS_NAMES, VEHICLE_CLASSES))


def test_motion_is_read_by_group(all_on: Tracks) -> None:
    motion = motion_of(CLASSES, all_on)
    walk = all_on.motion["pedestrian"]
    row = CLASS_NAMES.index("pedestrian")
    assert [column[row] for column in motion] == list(walk.model_dump().values())


def test_velocities_along_the_heading_are_larger() -> None:
    along, across = np.full(3, 8.0), np.full(3, 2.0)
    motion = Motion(along, across, *np.zeros((3, 3)))
    found = velocity_covariances(np.array([0.0, np.pi / 2, np.pi / 4]), motion)
    expected = [[[64, 0], [0, 4]], [[4, 0], [0, 64]], [[34, 30], [30, 34]]]
    np.testing.assert_allclose(found, expected, atol=1e-9)
