"""Rendered drives, views of them, and what the networks should say."""

import json
from itertools import islice

import cv2
import numpy as np
import pytest
import torch

from cm3d.errors import InputError
from cm3d.simulation.classes import CLASS_NAMES
from cm3d.simulation.networks.segmenter import CROP_PX
from cm3d.simulation.sensors.daylight import CLEAR_DAY
from cm3d.simulation.teaching import render
from cm3d.simulation.teaching.augmentation import disturbed, random_view
from cm3d.simulation.teaching.detector import DetectorBatches, detector_targets
from cm3d.simulation.teaching.drives import Drives, Photograph, VisibleObjects, visible_objects
from cm3d.simulation.teaching.segmenter import SegmenterBatches, jittered
from cm3d.simulation.teaching.weather import draw_daylight, recoloured
from cm3d.simulation.world import build_world

CAR, CONE = CLASS_NAMES.index("car"), CLASS_NAMES.index("traffic_cone")


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Two images of one world: a car of colour 200 and a cone of colour 100 on black."""
    folder = tmp_path_factory.mktemp("drives")
    for image in range(2):
        ids = np.zeros((450, 800), dtype=np.uint16)
        ids[100:200, 300:500] = 1
        ids[300:340, 100 + image : 120 + image] = 2
        grey = np.array([0, 200, 100], dtype=np.uint8)[ids]
        cv2.imwrite(str(folder / f"1000_{image}.jpg"), cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR))
        cv2.imwrite(str(folder / f"1000_{image}.png"), ids)
    index = {"images": 2, "classes": {"1": "car", "2": "traffic_cone"}}
    (folder / "1000.json").write_text(json.dumps(index))
    return Drives(folder)


def test_drives_know_their_objects(drawn):
    assert len(drawn) == 2
    objects = visible_objects(drawn[1])
    assert objects.instance_id.tolist() == [1, 2]
    assert objects.class_index.tolist() == [CAR, CONE]
    assert objects.box_px.tolist() == [[300, 100, 500, 200], [101, 300, 121, 340]]
    assert not objects.is_small.any()


def test_an_empty_folder_is_an_error_of_one_line(tmp_path):
    with pytest.raises(
        InputError, match=r"no images; run `python -m cm3d\.simulation\.teaching\.render`"
    ):
        Drives(tmp_path)


def test_slivers_are_small(drawn):
    ids = np.zeros((450, 800), dtype=np.uint16)
    ids[10:100, 20:23] = 1  # 3 px wide
    ids[10:14, 40:44] = 2  # 4x4 px
    objects = visible_objects(Photograph(drawn[0].rgb, ids, drawn[0].class_of))
    assert objects.is_small.tolist() == [True, False]


def test_views_move_pixels_and_objects_alike(drawn):
    rng, seen = np.random.default_rng(0), 0
    for _ in range(20):
        view = random_view(drawn[0], 384, 256, rng)
        assert view.rgb.shape == (256, 384, 3) and view.instance_id.shape == (256, 384)
        expected = np.array([0, 200, 100])[view.instance_id]
        away_from_edges = cv2.blur(expected.astype(np.float32), (9, 9)) == expected
        inside = away_from_edges & (expected > 0)
        seen += inside.sum()
        assert np.abs(view.rgb[..., 0].astype(int) - expected)[inside].max(initial=0) < 30
    assert seen > 10_000


def test_disturbed_images_are_images(drawn):
    rng = np.random.default_rng(0)
    for _ in range(30):
        image = disturbed(drawn[0].rgb[:90, :160], rng)
        assert image.shape == (90, 160, 3) and image.dtype == np.uint8


def test_targets_of_one_car():
    objects = VisibleObjects(
        np.array([1]), np.array([CAR]), np.array([[8.0, 8, 28, 24]]), np.array([False])
    )
    targets = detector_targets(objects, width_px=64, height_px=32)
    assert targets.heatmap.shape == (10, 8, 16)
    assert (targets.heatmap == 1).nonzero().tolist() == [[CAR, 4, 4]]  # the middle is (18, 16)
    assert targets.counts.min() == 1
    assert targets.box_px[:, 4, 4].tolist() == [8, 8, 28, 24]
    assert targets.weight.sum().item() == pytest.approx(np.log(20 * 16), rel=1e-5)


def test_small_objects_are_neither_asked_for_nor_forbidden():
    objects = VisibleObjects(
        np.array([1]), np.array([CAR]), np.array([[8.0, 8, 11, 24]]), np.array([True])
    )
    targets = detector_targets(objects, width_px=64, height_px=32)
    assert targets.heatmap.max() == 0 and targets.weight.max() == 0
    assert (targets.counts == 0).nonzero().tolist() == [[CAR, row, 2] for row in (2, 3, 4, 5)]


def test_the_nearer_of_two_overlapping_boxes_is_learnt():
    objects = VisibleObjects(
        np.array([1, 2]),
        np.array([CONE, CAR]),
        np.array([[28.0, 24, 36, 40], [0, 0, 64, 64]]),
        np.array([False, False]),
    )
    targets = detector_targets(objects, width_px=64, height_px=64)
    assert targets.box_px[:, 8, 8].tolist() == [28, 24, 36, 40]
    assert targets.heatmap[CAR, 8, 8] == 1 and targets.heatmap[CONE, 8, 8] == 1


def test_detector_batches_are_drawn_from_the_seed(drawn):
    batches = list(islice(DetectorBatches(drawn, 0), 2))
    again = list(islice(DetectorBatches(drawn, 0), 2))
    assert {tuple(images.shape) for images, _ in batches} <= {(8, 3, 256, 384), (2, 3, 448, 800)}
    for (one, targets), (other, _) in zip(batches, again, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)
        assert 0 <= one.min() and one.max() <= 1
        assert targets.heatmap.shape[2] * 4 == one.shape[2]


def test_segmenter_batches_show_the_object_in_the_box(drawn):
    crops, masks = next(iter(SegmenterBatches(drawn, 0)))
    assert crops.shape == (16, 3, CROP_PX, CROP_PX) and masks.shape == (16, CROP_PX, CROP_PX)
    middle = slice(CROP_PX // 2 - 4, CROP_PX // 2 + 4)
    assert masks[:, middle, middle].mean() == 1  # both objects fill their boxes
    bright = crops.mean(dim=1)
    inside = (bright * masks).sum() / masks.sum()
    outside = (bright * (1 - masks)).sum() / (1 - masks).sum()
    assert inside > outside + 0.2


def test_jitter_is_relative_to_the_box():
    boxes_px = np.tile([100.0, 100.0, 300.0, 500.0], (2000, 1))
    moved = jittered(boxes_px, np.random.default_rng(0)) - boxes_px
    assert np.abs(moved.mean(axis=0)).max() < 2
    assert moved[:, 3].std() == pytest.approx(2 * moved[:, 2].std(), rel=0.1)


def test_weather_is_light_that_never_was():
    rng = np.random.default_rng(0)
    for _ in range(50):
        light = draw_daylight(rng)
        assert np.linalg.norm(light.towards_sun) == pytest.approx(1, abs=1e-5)
        assert light.towards_sun[2] > 0
        assert min(light.sun.min(), light.horizon.min(), light.zenith.min()) >= 0
        assert light.texture_seed != CLEAR_DAY.texture_seed


def test_recolouring_leaves_shapes_alone():
    world = build_world(1000, "simnet-1000", "boston-seaport", 4.5, 0.5)
    other = recoloured(world, np.random.default_rng(0))
    assert len(other.actors) == len(world.actors)
    for before, after in zip(world.actors, other.actors, strict=True):
        assert after.mesh.vertices_m is before.mesh.vertices_m
        assert after.instance_id == before.instance_id
        assert 0 <= after.mesh.albedo.min() and after.mesh.albedo.max() <= 1
    changed = [
        not np.allclose(a.mesh.albedo, b.mesh.albedo)
        for a, b in zip(world.actors, other.actors, strict=True)
    ]
    assert all(changed)
    assert not np.allclose(world.background.albedo, other.background.albedo)


def test_a_rendered_world_can_be_read_and_is_not_rendered_again(tmp_path, monkeypatch):
    monkeypatch.setattr(render, "_IMAGE_SCALE", 0.05)
    monkeypatch.setattr(render, "_INSTANTS", 1)
    render.render_world(tmp_path, render.FIRST_SEED)
    drives = Drives(tmp_path)
    assert len(drives) == 6
    assert drives[0].rgb.shape == (45, 80, 3)
    assert sum(len(visible_objects(drives[row]).instance_id) for row in range(6)) > 5
    (tmp_path / "1000_0.jpg").unlink()
    render.render_world(tmp_path, render.FIRST_SEED)
    assert not (tmp_path / "1000_0.jpg").exists()
