from pathlib import Path

import numpy as np
import pytest

from cm3d import params
from cm3d.geometry.se3 import SE3
from cm3d.simulation import phantoms
from cm3d.simulation.classes import CLASS_NAMES
from cm3d.tables import Boxes2D, Cameras


@pytest.fixture(scope="module")
def model(project: Path) -> params.SimulatedDetector:
    """The default error model."""
    return params.load_params(project / "params.yaml").detect2d.simulated


@pytest.fixture
def camera() -> Cameras:
    """One image."""
    return Cameras.from_columns(
        camera_token=["front"],
        sample_token=["frame"],
        channel=["CAM_FRONT"],
        path=["front.jpg"],
        width_px=[800],
        height_px=[450],
        intrinsics_px=[[630, 0, 400, 0, 630, 245, 0, 0, 1]],
        global_SE3_camera=[[1, 0, 0, 0, 0, 0, 1.5]],
    )


@pytest.fixture
def many(camera: Cameras, model: params.SimulatedDetector):
    model = model.model_copy(
        update={"false_positives_per_image": 500.0, "lasting_false_positives": 0.0}
    )
    return phantoms.fleeting(camera, model, np.random.default_rng(0))


def test_their_number_is_as_asked(camera: Cameras, model: params.SimulatedDetector) -> None:
    generator = np.random.default_rng(0)
    model = model.model_copy(update={"lasting_false_positives": 0.25})
    counts = [len(phantoms.fleeting(camera, model, generator)) for _ in range(2000)]
    expected = 0.75 * model.false_positives_per_image
    assert np.mean(counts) == pytest.approx(expected, abs=0.1)


def test_none_if_none_are_asked_for(camera: Cameras, model: params.SimulatedDetector) -> None:
    model = model.model_copy(update={"false_positives_per_image": 0.0})
    assert len(phantoms.fleeting(camera, model, np.random.default_rng(0))) == 0


def test_they_stand_on_the_ground_below_the_horizon(many, camera: Cameras) -> None:
    horizon_px = camera.intrinsics_px[0, 5]
    assert (many.box_px[:, 3] > horizon_px).all()
    assert (many.box_px[:, 2:] > many.box_px[:, :2]).all()


def test_they_score_low(many) -> None:
    assert np.mean(many.score) < 0.4


def test_every_class_appears(many) -> None:
    assert set(many.class_name) == set(CLASS_NAMES)


def looking(x_m: float, y_m: float, yaw_deg: float, token: str = "front") -> Cameras:
    """A camera 1.5 m above the ground, of nuScenes' field of view."""
    yaw = SE3.from_yaw(np.deg2rad(yaw_deg), np.array([x_m, y_m, 1.5]))
    turned = SE3(yaw.rotation @ np.array([[0.0, 0, 1], [-1, 0, 0], [0, -1, 0]]), yaw.translation_m)
    return Cameras.from_columns(
        camera_token=[token],
        sample_token=["frame"],
        channel=["CAM_FRONT"],
        path=["front.jpg"],
        width_px=[1600],
        height_px=[900],
        intrinsics_px=[[1266, 0, 800, 0, 1266, 450, 0, 0, 1]],
        global_SE3_camera=[turned.as_pose().tolist()],
    )


def seen(
    camera: Cameras, model: params.SimulatedDetector, scene: str = "scene", draw: int = 0
) -> Boxes2D:
    return phantoms.lasting(scene, camera, model, 0, np.random.default_rng(draw))


@pytest.fixture
def lasting_only(model: params.SimulatedDetector) -> params.SimulatedDetector:
    changes = {"lasting_false_positives": 1.0, "false_positives_per_image": 2.0, "score_noise": 0.0}
    return model.model_copy(update=changes)


def test_places_are_as_many_as_asked(lasting_only: params.SimulatedDetector) -> None:
    rng = np.random.default_rng(0)
    views = [looking(*rng.uniform(-900, 900, 2), rng.uniform(0, 360)) for _ in range(300)]
    counts = [len(seen(view, lasting_only, draw=draw)) for draw, view in enumerate(views)]
    assert np.mean(counts) == pytest.approx(2, abs=0.25)


def test_places_stay(lasting_only: params.SimulatedDetector) -> None:
    """The same boxes in most images from one point; fewer of them in each."""
    view = looking(50.0, 80.0, 30.0)
    images = [seen(view, lasting_only, draw=draw) for draw in range(50)]
    rows = [
        {(name, *box) for name, box in zip(image.class_name, image.box_px.tolist(), strict=True)}
        for image in images
    ]
    places = set.union(*rows)
    assert len(places) >= 1
    chance = np.mean([len(row) for row in rows]) / len(places)
    assert chance == pytest.approx(0.9, abs=0.05)
    assert not places & {
        (name, *box)
        for image in (seen(view, lasting_only, "other", draw) for draw in range(5))
        for name, box in zip(image.class_name, image.box_px.tolist(), strict=True)
    }


def test_two_cameras_see_one_place(lasting_only: params.SimulatedDetector) -> None:
    """From 2 m further back, along the view, all is smaller by the ratio of the depths."""
    near = Boxes2D.concatenate(seen(looking(0, 0, 0), lasting_only, draw=d) for d in range(9))
    far = Boxes2D.concatenate(seen(looking(-2, 0, 0), lasting_only, draw=d) for d in range(9))

    def depths_m(boxes: Boxes2D) -> np.ndarray:
        # Feet are 1.5 m below the camera.
        return np.unique(np.round(1266 * 1.5 / (boxes.box_px[:, 3] - 450), 6))

    apart_m = np.abs(depths_m(far)[:, None] - depths_m(near) - 2).min(axis=0)
    assert len(apart_m) >= 1
    # All but those that come into view or leave it between the two.
    assert np.mean(apart_m < 1e-5) > 0.5


def test_places_behind_the_camera_are_not_seen(lasting_only: params.SimulatedDetector) -> None:
    many = lasting_only.model_copy(update={"false_positives_per_image": 50.0})
    box_px = seen(looking(5.0, -3.0, 200.0), many).box_px
    assert len(box_px) > 20
    middle_px = box_px[:, [0, 2]].mean(axis=1)
    assert ((middle_px >= 0) & (middle_px < 1600)).all()
    depth_m = 1266 * 1.5 / (box_px[:, 3] - 450)
    assert (depth_m > 4).all() and (depth_m < 35).all()


def test_no_places_if_none_last(model: params.SimulatedDetector) -> None:
    none = model.model_copy(update={"lasting_false_positives": 0.0})
    assert len(seen(looking(0, 0, 0), none)) == 0
