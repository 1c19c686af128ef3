from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from cm3d import params
from cm3d.detect2d.simulated.adapter import SimulatedDetector, visible_boxes
from cm3d.errors import InputError
from cm3d.tables import Boxes2D, Cameras
from cm3d.taxonomy import load_taxonomy

TAXONOMIES = Path(__file__).resolve().parents[2] / "taxonomies"


def detector(
    detect2d: params.Detect2D, root: Path, seed: int = 0, **changes: float
) -> SimulatedDetector:
    model = detect2d.simulated.model_copy(update=changes)
    return SimulatedDetector(model, "synonyms", seed, root, load_taxonomy("nuscenes", TAXONOMIES))


FAULTLESS = {
    "max_recall": 1.0,
    "confusion": 0.0,
    "double_classes": 0.0,
    "parts": 0.0,
    "groups": 0.0,
    "box_jitter": 0.0,
    "false_positives_per_image": 0.0,
}


def test_boxes_enclose_the_pixels_of_an_instance() -> None:
    ids = np.zeros((10, 20), dtype=np.int64)
    ids[2:5, 3:9] = 4
    ids[9, 19] = 4
    boxes_px = visible_boxes(ids, np.array([4, 2, 9]))
    np.testing.assert_array_equal(boxes_px, [[3, 2, 20, 10], [0, 0, 0, 0], [0, 0, 0, 0]])


def test_without_errors_the_large_object_is_found_exactly(
    sim_root: Path, cameras: Cameras, detect2d: params.Detect2D
) -> None:
    boxes = detector(detect2d, sim_root, **FAULTLESS).detect("scene", cameras).table
    cars = boxes[boxes.class_name == "car"]
    assert cars.camera_token.tolist() == ["front"]
    np.testing.assert_array_equal(cars.box_px, [[200, 100, 400, 300]])


def found(detectors: list[SimulatedDetector], cameras: Cameras) -> Boxes2D:
    return Boxes2D.concatenate(d.detect("scene", cameras).table for d in detectors)


def test_small_hidden_objects_are_missed_more_often(
    sim_root: Path, cameras: Cameras, detect2d: params.Detect2D
) -> None:
    runs = [detector(detect2d, sim_root, seed, **FAULTLESS) for seed in range(40)]
    boxes = found(runs, cameras)
    assert np.sum(boxes.class_name == "car") >= 39
    assert np.sum(boxes.class_name == "pedestrian") < 20


def test_confusion_renames_and_lowers_the_score(
    sim_root: Path, cameras: Cameras, detect2d: params.Detect2D
) -> None:
    faultless = FAULTLESS | {"score_noise": 0.0}
    right = detector(detect2d, sim_root, **faultless).detect("scene", cameras[:1]).table
    wrong = detector(detect2d, sim_root, **faultless | {"confusion": 1.0})
    runs = [replace(wrong, seed=seed) for seed in range(20)]
    boxes = found(runs, cameras)
    confused = boxes[boxes.class_name == "truck"]
    assert 2 <= len(confused) <= 18
    assert confused.score.max() < right.score[right.class_name == "car"][0]


def test_jitter_moves_edges_in_proportion(
    sim_root: Path, cameras: Cameras, detect2d: params.Detect2D
) -> None:
    runs = [
        detector(detect2d, sim_root, seed, **FAULTLESS | {"box_jitter": 0.1}) for seed in range(60)
    ]
    boxes = found(runs, cameras)
    offset_px = boxes.box_px[boxes.class_name == "car"] - [200, 100, 400, 300]
    assert offset_px.std() == pytest.approx(0.1 * 200, rel=0.2)


def test_an_image_does_not_depend_on_the_others(
    sim_root: Path, cameras: Cameras, detect2d: params.Detect2D
) -> None:
    own = detector(detect2d, sim_root, false_positives_per_image=3.0)
    together = own.detect("scene", cameras).table
    backwards = own.detect("scene", cameras[::-1]).table
    alone = own.detect("scene", cameras[1:]).table
    for other in (backwards, alone):
        mine = together[together.camera_token == "back"]
        same = other[other.camera_token == "back"]
        np.testing.assert_array_equal(mine.box_px, same.box_px)
        np.testing.assert_array_equal(mine.score, same.score)


def test_images_err_in_their_own_ways(
    sim_root: Path, cameras: Cameras, detect2d: params.Detect2D
) -> None:
    (sim_root / "instances" / "scene.json").write_text('{"front": [], "back": []}')
    fleeting = {"false_positives_per_image": 5.0, "lasting_false_positives": 0.0}
    boxes = detector(detect2d, sim_root, **fleeting).detect("scene", cameras).table
    front, back = (boxes[boxes.camera_token == token] for token in ("front", "back"))
    assert len(front) > 0
    assert front.box_px.tolist() != back.box_px.tolist()


def test_recall_does_not_depend_on_the_size_of_images(
    sim_root: Path, cameras: Cameras, detect2d: params.Detect2D
) -> None:
    path = sim_root / "instances" / "front.png"
    faultless = detector(detect2d, sim_root, **FAULTLESS | {"score_noise": 0.0})
    full = faultless.detect("scene", cameras).table
    ids = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    cv2.imwrite(str(path), ids.repeat(2, axis=0).repeat(2, axis=1))
    size_px = {"width_px": cameras.width_px * 2, "height_px": cameras.height_px * 2}
    doubled = faultless.detect("scene", cameras.replace(**size_px)).table
    np.testing.assert_allclose(doubled.score, full.score)
    np.testing.assert_allclose(doubled.box_px, full.box_px * 2)


def test_seeds_differ(sim_root: Path, cameras: Cameras, detect2d: params.Detect2D) -> None:
    scores = {
        tuple(detector(detect2d, sim_root, seed).detect("scene", cameras).table.score)
        for seed in range(5)
    }
    assert len(scores) > 1


def test_what_plain_prompts_find_synonyms_find_too(
    sim_root: Path, cameras: Cameras, detect2d: params.Detect2D
) -> None:
    for seed in range(20):
        rich = detector(detect2d, sim_root, seed)
        plain = replace(rich, prompts="plain")
        scores = set(rich.detect("scene", cameras).table.score)
        assert set(plain.detect("scene", cameras).table.score) <= scores


def test_real_images_have_no_instances(
    tmp_path: Path, cameras: Cameras, detect2d: params.Detect2D
) -> None:
    with pytest.raises(InputError, match=r"scene\.json: missing; .* simulated data set"):
        detector(detect2d, tmp_path).detect("scene", cameras)


def test_a_missing_instance_image_is_named(
    sim_root: Path, cameras: Cameras, detect2d: params.Detect2D
) -> None:
    (sim_root / "instances" / "front.png").unlink()
    with pytest.raises(InputError, match=r"front\.png: no instance-id image"):
        detector(detect2d, sim_root).detect("scene", cameras)


def test_an_image_without_account_is_named(
    sim_root: Path, cameras: Cameras, detect2d: params.Detect2D
) -> None:
    (sim_root / "instances" / "scene.json").write_text('{"front": []}')
    with pytest.raises(InputError, match="no instances of image back"):
        detector(detect2d, sim_root).detect("scene", cameras)


def test_other_class_lists_get_the_same_boxes_by_other_names(
    sim_root: Path, cameras: Cameras, detect2d: params.Detect2D
) -> None:
    ten = detector(detect2d, sim_root, false_positives_per_image=50.0)
    three = replace(ten, taxonomy=load_taxonomy("waymo", TAXONOMIES))
    before, after = (one.detect("scene", cameras).table for one in (ten, three))
    people = before.class_name == "pedestrian"
    cycles = before.class_name == "bicycle"
    unnamed = np.isin(before.class_name, ["traffic_cone", "barrier"])
    assert people.any() and cycles.any() and unnamed.any()
    expected = np.select([people, cycles], ["pedestrian", "cyclist"], "vehicle")[~unnamed]
    assert after.class_name.tolist() == expected.tolist()
    np.testing.assert_array_equal(after.box_px, before[~unnamed].box_px)
    np.testing.assert_array_equal(after.score, before[~unnamed].score)


def test_second_classes_join_the_first(
    sim_root: Path, cameras: Cameras, detect2d: params.Detect2D
) -> None:
    boxes = detector(detect2d, sim_root, **FAULTLESS | {"double_classes": 1.0, "score_noise": 0.0})
    front = boxes.detect("scene", cameras[:1]).table
    large = front[front.box_px[:, 0] == 200]
    assert sorted(large.class_name) == ["car", "truck"]
    scores = dict(zip(large.class_name, large.score, strict=True))
    assert scores["truck"] < scores["car"]
    np.testing.assert_array_equal(large.box_px[0], large.box_px[1])


def test_parts_are_narrower_than_the_whole(
    sim_root: Path, cameras: Cameras, detect2d: params.Detect2D
) -> None:
    runs = [detector(detect2d, sim_root, seed, **FAULTLESS | {"parts": 1.0}) for seed in range(20)]
    box_px = found(runs, cameras[:1])
    box_px = box_px.box_px[box_px.class_name == "car"]
    share = (box_px[:, 2] - box_px[:, 0]) / 200
    assert share.min() >= 0.35 and share.max() <= 0.7
    assert len(np.unique(box_px[:, 0])) > 1 and len(np.unique(box_px[:, 2])) > 1


def test_a_missed_object_is_missed_again(
    sim_root: Path, cameras: Cameras, detect2d: params.Detect2D
) -> None:
    """One object on two images, found in half of them."""
    for name in ("front", "back"):
        (sim_root / "instances" / f"{name}.png").write_bytes(
            (sim_root / "instances" / "front.png").read_bytes()
        )
    large = '[{"instance_id": 3, "class_name": "car", "visible_share": 1.0}]'
    (sim_root / "instances" / "scene.json").write_text(f'{{"front": {large}, "back": {large}}}')

    def alike(persistence: float) -> float:
        half = FAULTLESS | {"max_recall": 0.5, "persistence": persistence}
        runs = [detector(detect2d, sim_root, seed, **half) for seed in range(80)]
        counts = [len(run.detect("scene", cameras).table) for run in runs]
        return float(np.mean([count != 1 for count in counts]))

    assert alike(0.0) == pytest.approx(0.5, abs=0.2)
    assert alike(1.0) == 1.0
