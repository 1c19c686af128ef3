"""Masks of another program: read, given to detections, brought to the working size."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from cm3d import params
from cm3d.detect2d.common import scene as detect2d_scene
from cm3d.detect2d.common.protocol import Setting as DetectionSetting
from cm3d.errors import InputError
from cm3d.segment.common.protocol import Setting
from cm3d.segment.common.scene import build_segmenter, count_unused
from cm3d.segment.precomputed import UNMASKED
from cm3d.tables import Boxes2D, Cameras, Masks
from tests.segment.conftest import Change
from tests.two_images import front_and_back

Give = Callable[..., Setting]

WIDTH_PX, HEIGHT_PX = 8, 4

# An image of 8 x 4 pixels, columns first: 4 outside, then two columns inside but for their last
# pixel, i.e. columns 1 and 2, rows 0 to 2.
COUNTS = [4, 3, 1, 3, 21]
BOX_XYWH = [1, 0, 2, 3]
RLE = {"size": [HEIGHT_PX, WIDTH_PX], "counts": COUNTS}
GOOD = {"image_id": "front", "category_id": 1, "score": 0.5, "segmentation": RLE}


def picture(*rows: str) -> list[list[bool]]:
    return [[pixel == "#" for pixel in row] for row in rows]


PICTURE = picture(
    ".##.....",
    ".##.....",
    ".##.....",
    "........",
)


@pytest.fixture
def cameras(tmp_path: Path) -> Cameras:
    cameras = front_and_back(WIDTH_PX, HEIGHT_PX)
    cameras.write(tmp_path / "cameras" / "scene.parquet")
    return cameras


@pytest.fixture
def give(tmp_path: Path, cameras: Cameras, changed: Change) -> Give:
    """The setting of a file with these entries, or of the file that is named."""

    def give(*entries: object, file: Path | None = None, max_width_px: int = 1024) -> Setting:
        if file is None:
            file = tmp_path / f"{len(list(tmp_path.glob('*.json')))}.json"
            file.write_text(json.dumps(entries))
        section = params.Precomputed(file=str(file))
        setting = changed(backend="precomputed", precomputed=section, max_width_px=max_width_px)
        return replace(setting, cameras=tmp_path / "cameras")

    return give


def detections(*rows: tuple[str, str, float, list[float]]) -> Boxes2D:
    return Boxes2D.from_columns(
        camera_token=[row[0] for row in rows],
        detection_id=np.arange(len(rows)) + 10,
        class_name=[row[1] for row in rows],
        score=[row[2] for row in rows],
        box_px=[row[3] for row in rows],
    )


CAR = ("front", "car", 0.9, [1.0, 0.0, 3.0, 3.0])


def decoded(masks: Masks) -> list[list[list[bool]]]:
    sizes = zip(masks.height_px.tolist(), masks.width_px.tolist(), strict=True)
    return [
        (np.asarray(coco_mask.decode({"size": size, "counts": counts})) > 0).tolist()
        for size, counts in zip(sizes, masks.rle, strict=True)
    ]


def compressed(pixels: list[list[bool]]) -> dict[str, Any]:
    rle: Any = coco_mask.encode(np.asfortranarray(np.array(pixels, dtype=np.uint8)))
    return rle | {"counts": rle["counts"].decode()}


def test_counts_as_a_list(give: Give, cameras: Cameras) -> None:
    found = build_segmenter(give(GOOD)).segment(cameras, detections(CAR))
    assert decoded(found.table) == [PICTURE]
    assert found.table.detection_id.tolist() == [10]
    assert found.table.score.tolist() == [0.9]
    assert found.left_out == {UNMASKED: ()}


def test_counts_as_coco_compresses_them(give: Give, cameras: Cameras) -> None:
    # Counts from the fourth on are differences from the count before the last: 4 3 1 0 20; five
    # bits a character from "0" on, and 20 needs two of them: 20 = 20 + 32 * 0, then 0.
    rle = {"size": [HEIGHT_PX, WIDTH_PX], "counts": "4310d0"}
    assert rle == compressed(PICTURE)
    found = build_segmenter(give(GOOD | {"segmentation": rle})).segment(cameras, detections(CAR))
    assert decoded(found.table) == [PICTURE]


def test_masks_of_twice_the_size(give: Give, cameras: Cameras) -> None:
    double = [[pixel for pixel in row for _ in (0, 1)] for row in PICTURE for _ in (0, 1)]
    entry = GOOD | {"segmentation": compressed(double)}
    found = build_segmenter(give(entry)).segment(cameras, detections(CAR))
    assert decoded(found.table) == [PICTURE]


def test_masks_of_half_the_size(give: Give, cameras: Cameras) -> None:
    """Four pixels by two over an image of eight by four: each is two by two."""
    entry = GOOD | {"segmentation": compressed(picture("#...", "#..#"))}
    box = ("front", "car", 0.9, [0.0, 0.0, 8.0, 4.0])
    found = build_segmenter(give(entry)).segment(cameras, detections(box))
    assert decoded(found.table) == [picture("##......", "##......", "##....##", "##....##")]


@pytest.mark.parametrize("size", [[4, 4], [8, 4], [40, 84]])
def test_masks_of_another_aspect_ratio_are_refused(give: Give, size: list[int]) -> None:
    rle = {"size": size, "counts": [size[0] * size[1]]}
    says = rf"json: a mask on front is {size[1]} x {size[0]} px and its image 8 x 4 px; write masks"
    with pytest.raises(InputError, match=says):
        count_unused(give(GOOD, GOOD | {"segmentation": rle}))


def test_a_file_of_another_data_set_is_refused(give: Give) -> None:
    says = r"json: none of its 1 entries is whole, .*; correct segment\.precomputed\.file"
    with pytest.raises(InputError, match=says):
        count_unused(give(GOOD | {"image_id": "elsewhere"}))


def test_masks_come_out_at_the_working_size(give: Give, cameras: Cameras) -> None:
    """Of 8 x 4 pixels, 4 x 2 are left: those of columns 1, 3, 5, 7 and rows 1, 3."""
    found = build_segmenter(give(GOOD, max_width_px=4)).segment(cameras, detections(CAR))
    assert decoded(found.table) == [picture("#...", "....")]
    assert (found.table.width_px[0], found.table.height_px[0]) == (4, 2)


@pytest.mark.parametrize("name", ["front", "samples/CAM_FRONT/1.jpg", "1.jpg"])
def test_images_are_named_by_token_or_file(give: Give, cameras: Cameras, name: str) -> None:
    setting = give(GOOD | {"image_id": name})
    assert not any(count_unused(setting).values())
    assert len(build_segmenter(setting).segment(cameras, detections(CAR)).table) == 1


def test_a_detection_takes_the_mask_that_overlaps_it_most(give: Give, cameras: Cameras) -> None:
    near = picture(".#......", ".#......", ".#......", "........")  # half of the box
    setting = give(GOOD | {"segmentation": compressed(near)}, GOOD)
    found = build_segmenter(setting).segment(cameras, detections(CAR))
    assert decoded(found.table) == [PICTURE]


def test_each_mask_is_given_once_and_the_surest_chooses_first(give: Give, cameras: Cameras) -> None:
    half = picture(".#......", ".#......", ".#......", "........")
    boxes = detections(
        ("front", "car", 0.2, [1, 0, 3, 3]),
        ("front", "car", 0.8, [1, 0, 3, 3]),
        ("front", "car", 0.1, [1, 0, 3, 3]),
    )
    setting = give(GOOD | {"segmentation": compressed(half)}, GOOD)
    found = build_segmenter(setting).segment(cameras, boxes)
    masks = dict(zip(found.table.detection_id.tolist(), decoded(found.table), strict=True))
    assert masks == {11: PICTURE, 10: half}
    assert found.left_out == {UNMASKED: ("front/12",)}


@pytest.mark.parametrize(
    "box",
    [
        ("front", "truck", 0.9, [1, 0, 3, 3]),  # of another class
        ("back", "car", 0.9, [1, 0, 3, 3]),  # on another image
        ("front", "car", 0.9, [1, 0, 5, 4]),  # IoU 6 / 16
    ],
)
def test_what_no_mask_fits_is_left_out_and_named(
    give: Give, cameras: Cameras, box: tuple[str, str, float, list[float]]
) -> None:
    found = build_segmenter(give(GOOD)).segment(cameras, detections(box))
    assert len(found.table) == 0
    assert found.left_out == {UNMASKED: (f"{box[0]}/10",)}


def test_an_overlap_of_a_half_is_enough(give: Give, cameras: Cameras) -> None:
    box = ("front", "car", 0.9, [1, 0, 5, 3])  # IoU 6 / 12
    assert len(build_segmenter(give(GOOD)).segment(cameras, detections(box)).table) == 1


def test_the_box_of_the_entry_comes_before_the_masks_own(give: Give, cameras: Cameras) -> None:
    setting = give(GOOD | {"bbox": [4, 0, 4, 4]})
    there = ("front", "car", 0.9, [4.0, 0.0, 8.0, 4.0])
    found = build_segmenter(setting).segment(cameras, detections(CAR, there))
    assert found.table.detection_id.tolist() == [11]
    assert decoded(found.table) == [PICTURE]


@pytest.fixture
def both(give: Give, changed: Change, tmp_path: Path) -> Callable[..., Any]:
    """The stages' functions on one file of boxes and masks: detections, and their masks."""

    def run(cameras: Cameras, *entries: object) -> tuple[Boxes2D, Masks]:
        setting = give(*entries)
        parameters = params.load_params().detect2d
        named = parameters.model_copy(
            update={"backend": "precomputed", "precomputed": setting.segment.precomputed}
        )
        detection = DetectionSetting(
            named, setting.execution, setting.taxonomy, tmp_path, setting.cameras
        )
        detector = detect2d_scene.build_detector(detection)
        boxes = detect2d_scene.detect_scene(detector, "scene", cameras, detection).table
        found = build_segmenter(setting).segment(cameras, boxes)
        assert found.left_out == {UNMASKED: ()}
        return boxes, found.table.sorted()

    return run


def test_of_a_file_of_boxes_and_masks_each_detection_has_its_own(
    both: Callable[..., Any], cameras: Cameras
) -> None:
    """Boxes overlap, leave the image, say more than their masks, and are duplicates."""
    pictures = [
        PICTURE,
        picture("........", "..#.....", "........", "........"),
        picture("........", "...#....", "........", "........"),
        picture("........", "....#...", "........", "........"),
    ]
    rows = [
        ([1, 0, 4, 4], 0.5, pictures[0]),
        ([1, 0, 3, 4], 0.9, pictures[1]),  # IoU 12 / 16 with the first: both stay
        ([-5, -5, 50, 50], 0.6, pictures[2]),
        ([1, 0, 3, 4], 0.95, pictures[3]),  # a duplicate of the second, and surer
    ]
    entries = [
        GOOD | {"bbox": box, "score": score, "segmentation": compressed(pixels)}
        for box, score, pixels in rows
    ]
    boxes, masks = both(cameras, *entries)
    assert boxes.score.tolist() == masks.score.tolist() == [0.95, 0.6, 0.5]
    assert masks.detection_id.tolist() == boxes.detection_id.tolist() == [0, 1, 2]
    assert decoded(masks) == [pictures[3], pictures[2], pictures[0]]


def test_of_equal_boxes_and_scores_the_first_mask_is_taken(
    both: Callable[..., Any], cameras: Cameras
) -> None:
    entry = GOOD | {"bbox": [0, 0, 8, 4]}
    other = picture("........", "........", "........", "#######.")
    _, masks = both(cameras, entry, entry | {"segmentation": compressed(other)})
    assert decoded(masks) == [PICTURE]


@pytest.mark.parametrize("folder", [False, True])
def test_the_stages_own_masks_return_unchanged(
    give: Give, cameras: Cameras, tmp_path: Path, folder: bool
) -> None:
    """Even where a mask is far smaller than its box, or empty."""
    dot = picture("........", "........", "........", ".......#")
    empty = picture(*["........"] * 4)
    boxes = detections(
        CAR, ("front", "car", 0.8, [0, 0, 8, 4]), ("front", "bus", 0.8, [0, 0, 8, 4])
    )
    masks = Masks.from_columns(
        camera_token=boxes.camera_token,
        sample_token=["frame 1"] * 3,
        detection_id=boxes.detection_id,
        class_name=boxes.class_name,
        score=boxes.score,
        height_px=[HEIGHT_PX] * 3,
        width_px=[WIDTH_PX] * 3,
        rle=[compressed(pixels)["counts"].encode() for pixels in (PICTURE, dot, empty)],
    )
    file = tmp_path / "masks" / "scene.parquet"
    masks.write(file)
    setting = give(file=file.parent if folder else file)
    assert not any(count_unused(setting).values())
    found = build_segmenter(setting).segment(cameras, boxes)
    found.table.write(tmp_path / "again.parquet")
    assert (tmp_path / "again.parquet").read_bytes() == file.read_bytes()


@pytest.mark.parametrize(
    "entry",
    [
        3,
        {name: value for name, value in GOOD.items() if name != "segmentation"},
        {name: value for name, value in GOOD.items() if name != "score"},
        GOOD | {"score": 2},
        GOOD | {"bbox": [1, 2, 3]},
        GOOD | {"segmentation": "4310d0"},
        GOOD | {"segmentation": {"counts": "4310d0"}},
        GOOD | {"segmentation": {"size": [4, 8]}},
        GOOD | {"segmentation": RLE | {"size": [4]}},
        GOOD | {"segmentation": RLE | {"size": [0, 0], "counts": []}},
        GOOD | {"segmentation": RLE | {"size": [-4, -8]}},
        GOOD | {"segmentation": RLE | {"size": ["4", "8"]}},
        GOOD | {"segmentation": RLE | {"size": [10**30, 1], "counts": [10**30]}},
        GOOD | {"segmentation": RLE | {"size": [1, 10**30], "counts": "4310d0"}},
        GOOD | {"segmentation": RLE | {"size": [8, 8]}},
        GOOD | {"segmentation": RLE | {"counts": [4, 3]}},
        GOOD | {"segmentation": RLE | {"counts": [-4, 36]}},
        GOOD | {"segmentation": RLE | {"counts": [4.0, 28.0]}},
        GOOD | {"segmentation": RLE | {"counts": [True, 31]}},
        GOOD | {"segmentation": RLE | {"counts": ""}},
        GOOD | {"segmentation": RLE | {"counts": "43"}},
        GOOD | {"segmentation": RLE | {"counts": "4310d"}},
        GOOD | {"segmentation": RLE | {"counts": "43 10d0"}},
        GOOD | {"segmentation": RLE | {"counts": "4310dé"}},
        GOOD | {"segmentation": RLE | {"counts": "N0`10"}},
    ],
)
def test_malformed_entries_are_counted(give: Give, cameras: Cameras, entry: object) -> None:
    setting = give(entry, GOOD)
    unused = count_unused(setting)
    assert unused.pop("malformed_entries") == 1
    assert not any(unused.values())
    assert decoded(build_segmenter(setting).segment(cameras, detections(CAR)).table) == [PICTURE]


def test_unknown_categories_and_images_are_counted(give: Give) -> None:
    setting = give(GOOD | {"category_id": 11}, GOOD | {"image_id": "elsewhere"}, GOOD)
    assert count_unused(setting) == {
        "malformed_entries": 0,
        "entries_of_unknown_categories": 1,
        "entries_on_unknown_images": 1,
    }


def test_no_masks_are_no_error(give: Give, cameras: Cameras) -> None:
    found = build_segmenter(give()).segment(cameras, detections(CAR))
    assert len(found.table) == 0
    assert found.left_out == {UNMASKED: ("front/10",)}


def test_polygons_are_refused_in_one_line(give: Give) -> None:
    with pytest.raises(InputError, match=r"\.json: .* polygon; write run lengths") as caught:
        build_segmenter(give(GOOD | {"segmentation": [[0, 0, 4, 0, 4, 4]]}))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [None, "[", '{"annotations": []}', "3"])
def test_wrong_files_are_named(give: Give, tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "m.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(InputError, match=r"m\.json: ") as caught:
        build_segmenter(give(file=file))
    assert "\n" not in str(caught.value)


def test_tables_of_something_else_are_named(give: Give, tmp_path: Path) -> None:
    file = tmp_path / "m.parquet"
    detections(CAR).write(file)
    with pytest.raises(InputError, match=r"m\.parquet: no table of Masks: .*sample_token"):
        build_segmenter(give(file=file))
    with pytest.raises(InputError, match=r"correct segment\.precomputed\.file"):
        build_segmenter(give(file=tmp_path / "absent.parquet"))
