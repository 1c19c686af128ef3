from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cm3d import params
from cm3d.detect2d.common.postprocess import clip_boxes, postprocess
from cm3d.errors import InputError
from cm3d.tables import Boxes2D, Cameras
from cm3d.taxonomy import Taxonomy, load_taxonomy


def boxes(*rows: tuple[str, str, float, list[float]]) -> Boxes2D:
    return Boxes2D.from_columns(
        camera_token=[row[0] for row in rows],
        detection_id=np.zeros(len(rows)),
        class_name=[row[1] for row in rows],
        score=[row[2] for row in rows],
        box_px=[row[3] for row in rows],
    )


PROJECT = Path(__file__).resolve().parents[2]

SQUARE = [10.0, 10.0, 110.0, 110.0]
ALMOST_SQUARE = [10.0, 10.0, 110.0, 100.0]  # IoU 0.9
HALF_SQUARE = [10.0, 10.0, 110.0, 80.0]  # IoU 0.7


def test_duplicates_of_a_class_on_an_image_go(
    cameras: Cameras, detect2d: params.Detect2D, taxonomy: Taxonomy
) -> None:
    kept = postprocess(
        boxes(("front", "car", 0.5, ALMOST_SQUARE), ("front", "car", 0.9, SQUARE)),
        cameras,
        detect2d,
        taxonomy,
    )
    assert kept.score.tolist() == [0.9]


@pytest.mark.parametrize(
    "other",
    [
        ("front", "truck", 0.5, ALMOST_SQUARE),
        ("back", "car", 0.5, ALMOST_SQUARE),
        ("front", "car", 0.5, HALF_SQUARE),
    ],
)
def test_other_classes_images_and_places_stay(
    cameras: Cameras,
    detect2d: params.Detect2D,
    taxonomy: Taxonomy,
    other: tuple[str, str, float, list[float]],
) -> None:
    assert (
        len(postprocess(boxes(("front", "car", 0.9, SQUARE), other), cameras, detect2d, taxonomy))
        == 2
    )


def test_the_threshold_is_inclusive(
    cameras: Cameras, detect2d: params.Detect2D, taxonomy: Taxonomy
) -> None:
    rows = boxes(("front", "car", 0.10, SQUARE), ("back", "car", 0.0999, SQUARE))
    assert postprocess(rows, cameras, detect2d, taxonomy).camera_token.tolist() == ["front"]


def test_boxes_are_cut_to_the_image(cameras: Cameras) -> None:
    rows = boxes(
        ("front", "car", 0.5, [-5, -5, 900, 500]),
        ("front", "car", 0.5, [800, 10, 900, 20]),
        ("front", "car", 0.5, [30, 10, 20, 20]),
        ("front", "car", 0.5, [30, 10, 30, 20]),
    )
    np.testing.assert_array_equal(clip_boxes(rows, cameras).box_px, [[0, 0, 800, 450]])


def test_no_boxes(cameras: Cameras, detect2d: params.Detect2D, taxonomy: Taxonomy) -> None:
    assert len(postprocess(Boxes2D.empty(), cameras, detect2d, taxonomy)) == 0


def test_unknown_classes_are_refused(
    cameras: Cameras, detect2d: params.Detect2D, taxonomy: Taxonomy
) -> None:
    with pytest.raises(InputError, match="unknown class 'tram'"):
        postprocess(boxes(("front", "tram", 0.5, SQUARE)), cameras, detect2d, taxonomy)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["front", "back"]),
            st.sampled_from(["car", "bus"]),
            st.floats(0, 1),
            st.lists(st.floats(-100, 1000), min_size=4, max_size=4),
        ),
        max_size=12,
    )
)
def test_numbers_are_unique_and_order_is_by_score(
    rows: list[tuple[str, str, float, list[float]]],
) -> None:
    cameras = Cameras.from_columns(
        camera_token=["front", "back"],
        sample_token=["frame"] * 2,
        channel=["CAM_FRONT", "CAM_BACK"],
        path=["", ""],
        width_px=[800] * 2,
        height_px=[450] * 2,
        intrinsics_px=np.tile(np.eye(3).ravel(), (2, 1)),
        global_SE3_camera=np.tile(np.eye(7)[0], (2, 1)),
    )
    detect2d = params.load_params(PROJECT / "params.yaml").detect2d
    taxonomy = load_taxonomy("nuscenes", PROJECT / "taxonomies")
    kept = postprocess(boxes(*rows), cameras, detect2d, taxonomy)
    assert kept.detection_id.tolist() == list(range(len(kept)))
    assert (kept.box_px[:, 2:] > kept.box_px[:, :2]).all()
    assert (kept.box_px >= 0).all()
    for token in set(kept.camera_token):
        assert (np.diff(kept.score[kept.camera_token == token]) <= 0).all()
