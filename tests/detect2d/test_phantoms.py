import numpy as np
import pytest

from cm3d import params
from cm3d.detect2d.phantoms import phantoms
from cm3d.tables import Cameras
from cm3d.tables.vocabulary import CLASS_NAMES


@pytest.fixture
def many(cameras: Cameras, detect2d: params.Detect2D):
    model = detect2d.simulated.model_copy(update={"false_positives_per_image": 500.0})
    return phantoms(cameras[:1], model, np.random.default_rng(0))


def test_their_number_is_as_asked(cameras: Cameras, detect2d: params.Detect2D) -> None:
    generator = np.random.default_rng(0)
    counts = [len(phantoms(cameras[:1], detect2d.simulated, generator)) for _ in range(2000)]
    expected = detect2d.simulated.false_positives_per_image
    assert np.mean(counts) == pytest.approx(expected, abs=0.1)


def test_none_if_none_are_asked_for(cameras: Cameras, detect2d: params.Detect2D) -> None:
    model = detect2d.simulated.model_copy(update={"false_positives_per_image": 0.0})
    assert len(phantoms(cameras[:1], model, np.random.default_rng(0))) == 0


def test_they_stand_on_the_ground_below_the_horizon(many, cameras: Cameras) -> None:
    horizon_px = cameras.intrinsics_px[0, 5]
    assert (many.box_px[:, 3] > horizon_px).all()
    assert (many.box_px[:, 2:] > many.box_px[:, :2]).all()


def test_they_score_low(many) -> None:
    assert np.mean(many.score) < 0.4


def test_every_class_appears(many) -> None:
    assert set(many.class_name) == set(CLASS_NAMES)
