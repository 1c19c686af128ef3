import numpy as np
import pytest
from pycocotools import mask as coco_mask

from cm3d.evaluation.masks.measures import decode, instance_iou, measure_masks, score_masks
from cm3d.tables import Boxes2D, Cameras, Masks

# Looks along global x from the origin, 40x20 pixels, a pixel per metre at 10 m.
CAMERAS = Cameras.from_columns(
    camera_token=["front", "empty"],
    sample_token=["frame", "frame"],
    channel=["CAM_FRONT", "CAM_BACK"],
    path=["", ""],
    width_px=[40, 40],
    height_px=[20, 20],
    intrinsics_px=[[10, 0, 20, 0, 10, 10, 0, 0, 1]] * 2,
    global_SE3_camera=[[0.5, -0.5, 0.5, -0.5, 0, 0, 0]] * 2,
)
BOXES = Boxes2D.from_columns(
    camera_token=["front", "front"],
    detection_id=[4, 9],
    class_name=["car", "bus"],
    score=[0.5, 0.6],
    box_px=[[0, 0, 10, 10], [20, 0, 40, 20]],
)


def masks_of(pixels: np.ndarray, detection_id: list[int]) -> Masks:
    count, height_px, width_px = pixels.shape
    runs = coco_mask.encode(np.asfortranarray(pixels.transpose(1, 2, 0).astype(np.uint8)))
    return Masks.from_columns(
        camera_token=["front"] * count,
        sample_token=["frame"] * count,
        detection_id=detection_id,
        class_name=["car"] * count,
        score=np.ones(count),
        height_px=np.full(count, height_px),
        width_px=np.full(count, width_px),
        rle=[run["counts"] for run in runs],
    )


def no_points(sample_token: str) -> np.ndarray:
    return np.empty((0, 3))


def test_decoding_gives_the_masks_back() -> None:
    pixels = np.random.default_rng(0).random((3, 5, 7)) < 0.5
    np.testing.assert_array_equal(decode(masks_of(pixels, [0, 1, 2])), pixels)


def test_share_of_the_box_goes_by_detection() -> None:
    pixels = np.zeros((2, 20, 40), dtype=bool)
    pixels[0, :, 20:40] = True
    pixels[1, :5, :10] = True
    measures = measure_masks(masks_of(pixels, [9, 4]), BOXES, CAMERAS, no_points, None)
    np.testing.assert_allclose(measures.box_share, [1.0, 0.5])


def test_shares_do_not_depend_on_the_resolution_of_masks() -> None:
    pixels = np.zeros((1, 10, 20), dtype=bool)
    pixels[0, :, 10:15] = True
    measures = measure_masks(masks_of(pixels, [9]), BOXES, CAMERAS, no_points, None)
    np.testing.assert_allclose(measures.box_share, [0.5])


@pytest.mark.parametrize("scale", [1, 2])
def test_points_are_counted_where_they_project(scale: int) -> None:
    points_m = np.array(
        [
            [10.0, 15.0, 5.0],  # 15 m to the left: u = 5, v = 5, in the mask
            [20.0, 30.0, 10.0],  # the same pixel from farther away
            [10.0, -5.0, 5.0],  # u = 25
            [-1.0, -2.5, -1.5],  # behind the camera
            [10.0, 50.0, 0.0],  # outside the image
        ]
    )
    pixels = np.zeros((1, 20 * scale, 40 * scale), dtype=bool)
    pixels[0, : 10 * scale, : 10 * scale] = True
    measures = measure_masks(masks_of(pixels, [4]), BOXES, CAMERAS, lambda token: points_m, None)
    assert measures.points.tolist() == [2]


def test_overlap_with_the_instance_that_the_box_is_about() -> None:
    ids = np.zeros((20, 40), dtype=np.int64)
    ids[0:10, 0:8] = 5
    ids[0:4, 8:10] = 2  # a small neighbour within the box
    masks = np.zeros((1, 20, 40), dtype=bool)
    masks[0, 0:10, 0:10] = True
    np.testing.assert_allclose(instance_iou(masks, BOXES.box_px[:1], ids), [0.8])


def test_no_instance_where_no_outline_is_like_the_box() -> None:
    ids = np.zeros((20, 40), dtype=np.int64)
    ids[0:4, 0:4] = 1
    masks = np.ones((1, 20, 40), dtype=bool)
    assert np.isnan(instance_iou(masks, BOXES.box_px[:1], ids)).all()
    assert np.isnan(instance_iou(masks, BOXES.box_px[:1], np.zeros_like(ids))).all()


def test_instances_at_another_resolution() -> None:
    ids = np.zeros((40, 80), dtype=np.int64)
    ids[0:20, 0:20] = 1
    masks = np.zeros((1, 20, 40), dtype=bool)
    masks[0, 0:10, 0:10] = True
    np.testing.assert_allclose(instance_iou(masks, BOXES.box_px[:1], ids), [1.0])


def test_instances_are_read_for_images_with_masks_only() -> None:
    asked = []

    def instances_of(camera_token: str) -> np.ndarray:
        asked.append(camera_token)
        return np.zeros((20, 40), dtype=np.int64)

    pixels = np.ones((1, 20, 40), dtype=bool)
    measure_masks(masks_of(pixels, [4]), BOXES, CAMERAS, no_points, instances_of)
    assert asked == ["front"]


def test_headline_numbers_are_over_all_scenes() -> None:
    pixels = np.zeros((2, 20, 40), dtype=bool)
    pixels[0, :10, :10] = True
    first = measure_masks(
        masks_of(pixels, [4, 9]), BOXES, CAMERAS, lambda token: np.array([[10.0, 15, 5]]), None
    )
    second = measure_masks(Masks.empty(), Boxes2D.empty(), CAMERAS, no_points, None)
    assert score_masks([first, second]) == {
        "masks": 2,
        "box_share": 0.5,
        "points_per_mask": 0.5,
        "with_points": 0.5,
    }


def test_no_masks() -> None:
    assert score_masks([]) == {"masks": 0}
    empty = measure_masks(Masks.empty(), Boxes2D.empty(), CAMERAS, no_points, None)
    assert score_masks([empty]) == {"masks": 0}
