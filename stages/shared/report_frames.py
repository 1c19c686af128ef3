"""Keyframes of a label set drawn for the report: from above, and a camera that sees what fails."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from io import BytesIO
from typing import Final

import numpy as np
from PIL import Image

from cm3d.drawing.birds_eye import draw_footprints
from cm3d.drawing.camera import crop_around, draw_edges
from cm3d.drawing.canvas import Color, Word, shrunk, write_words
from cm3d.drawing.sheet import draw_surroundings, plan_around
from cm3d.geometry.arrays import NDArrayByte, NDArrayFloat
from cm3d.geometry.cuboids import Cuboids
from cm3d.params import Params
from cm3d.report.failures import OF_BOXES, OF_OBJECTS, counted
from cm3d.report.judging import best_and_worst, frame_scores
from cm3d.report.page import Picture
from stages.shared.judged_sets import JudgedSet
from stages.shared.scene_layers import SceneLayers, read_scene, view_of

WORST: Final = 10
COLORS: Final[Mapping[str, Color]] = {
    "object, right": (84, 214, 100),
    "object that fails": (255, 70, 70),
    "box, right": (80, 170, 255),
    "box too many or elsewhere": (255, 168, 60),
}
_SIDE_PX: Final = 440
_REACH_M: Final = 50.0
_QUALITY: Final = 68
_MOST_WORDS: Final = 12
_MARGIN: Final = 3.0
_LEAST_SHARE: Final = 0.35  # of an image's width that a crop shows
_LARGEST_SHARE: Final = 0.5  # of an image's area that what fails covers, to be worth a look


def draw_frames(judged: JudgedSet, params: Params) -> list[Picture]:
    """The best keyframe and the ten worst ones, by F1.

    Raises:
        InputError: A table of a scene is broken.
    """
    tokens = judged.frames.sample_token.tolist()
    f1, total = frame_scores(judged.best, tokens)
    best, worst = best_and_worst(f1, total, WORST)
    ranked = [("best", row) for row in best] + [
        (f"{place}. worst", row) for place, row in enumerate(worst, start=1)
    ]
    layers_of = lru_cache(maxsize=2)(lambda scene: read_scene(scene, params))
    return [
        _picture(judged, row, f"{rank}, F1 {f1[row]:.2f}", layers_of, params)
        for rank, row in ranked
    ]


def _picture(
    judged: JudgedSet,
    row: int,
    rank: str,
    layers_of: Callable[[str], SceneLayers],
    params: Params,
) -> Picture:
    scene, token = str(judged.frames.scene_name[row]), judged.frames.sample_token[row]
    layers = layers_of(scene)
    frame = layers.frames.sample_token.tolist().index(token)
    of_objects = judged.best.truth.sample_token == token
    of_boxes = judged.best.boxes.sample_token == token
    object_kinds, box_kinds = judged.object_kinds[of_objects], judged.box_kinds[of_boxes]
    objects, boxes = judged.best.truth[of_objects].cuboids, judged.best.boxes[of_boxes].cuboids
    parts = {
        "object, right": objects[object_kinds == 0],
        "box, right": boxes[judged.best.right[of_boxes]],
        "box too many or elsewhere": boxes[~judged.best.right[of_boxes]],
        "object that fails": objects[object_kinds > 0],
    }
    failing = Cuboids.concatenate([objects[object_kinds > 0], boxes[box_kinds > 0]])
    names = [OF_OBJECTS[kind] for kind in object_kinds[object_kinds > 0]]
    names += [OF_BOXES[kind] for kind in box_kinds[box_kinds > 0]]
    above = _from_above(layers, frame, parts, failing, names, params)
    images = [
        image
        for image in (above, _through_camera(layers, frame, parts, failing))
        if image is not None
    ]
    counts = counted(object_kinds, box_kinds)
    told = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
    return Picture(
        [_webp(image) for image in images],
        [f"{rank}: {scene}, keyframe {frame}", told or "nothing there", str(token)],
    )


def _from_above(
    layers: SceneLayers,
    frame: int,
    parts: Mapping[str, Cuboids],
    failing: Cuboids,
    names: list[str],
    params: Params,
) -> NDArrayByte:
    around = layers.surroundings(frame, params, max_sweeps=1)
    plan = plan_around(around.global_SE3_ego, _REACH_M, _SIDE_PX)
    image = draw_surroundings(replace(around, tracks_m=[]), plan)
    for name, boxes in parts.items():
        draw_footprints(image, plan, boxes, COLORS[name])
    places_px = plan.pixels(failing.center_m[:, :2])
    inside = np.flatnonzero(((places_px > 0) & (places_px < _SIDE_PX - 60)).all(axis=1))
    words = [
        Word(places_px[row, 0] + 5, places_px[row, 1] - 5, names[row], (255, 205, 160), 10)
        for row in inside[:_MOST_WORDS]
    ]
    write_words(image, words)
    return image


def _through_camera(
    layers: SceneLayers, frame: int, parts: Mapping[str, Cuboids], failing: Cuboids
) -> NDArrayByte | None:
    """The image on which the largest of what fails is seen, cut around it; None without one."""
    cameras = layers.images_of(frame)
    if not len(cameras):
        return None
    row, outline_px = _worth_a_look(layers, frame, failing)
    photograph = layers.photograph(cameras, row, found=False)
    if photograph.image is None:
        return None
    image, view = photograph.image.copy(), photograph.view
    thickness_px = max(1, view.width_px // 500)
    for name, boxes in parts.items():
        draw_edges(image, view, boxes, COLORS[name], thickness_px)
    least_px = round(_LEAST_SHARE * view.width_px)
    rows, columns = crop_around(outline_px, view.width_px, view.height_px, _MARGIN, least_px)
    shown = shrunk(image[rows, columns], _SIDE_PX)
    write_words(shown, [Word(6, 4, photograph.channel, size_px=11)])
    return shown


def _worth_a_look(layers: SceneLayers, frame: int, failing: Cuboids) -> tuple[int, NDArrayFloat]:
    """A camera, and the outline (4,) there of the largest failing thing that does not fill it."""
    cameras = layers.images_of(frame)
    best, best_share = (0, np.array([0.0, 0.0, cameras.width_px[0], cameras.height_px[0]])), 0.0
    for row in range(len(cameras)):
        view = view_of(cameras, row)
        outlines_px = view.outlines_px(failing)
        sides_px = outlines_px[:, 2:] - outlines_px[:, :2]
        share = sides_px.prod(axis=1) / (view.width_px * view.height_px)
        share[share > _LARGEST_SHARE] = 0.0
        if len(share) and share.max() > best_share:
            best, best_share = (row, outlines_px[np.argmax(share)]), float(share.max())
    return best


def _webp(image: NDArrayByte) -> bytes:
    content = BytesIO()
    Image.fromarray(image).save(content, "WEBP", quality=_QUALITY)
    return content.getvalue()
