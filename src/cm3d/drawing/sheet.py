"""One keyframe on one page: its cameras above, what is around it below."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from cm3d.drawing.birds_eye import Plan, draw_footprints, draw_paths, draw_points
from cm3d.drawing.camera import View, draw_edges, draw_rectangles, shade_masks
from cm3d.drawing.canvas import (
    COLORS,
    WORDS,
    Word,
    blank,
    in_rows,
    shrunk,
    write_words,
)
from cm3d.geometry.arrays import NDArrayBool, NDArrayByte, NDArrayFloat, NDArrayInt
from cm3d.geometry.cuboids import Cuboids
from cm3d.geometry.se3 import SE3

GAP_PX: Final = 6
_LINE_PX: Final = 18
_SIDEWAYS_RAD: Final = np.deg2rad(100)  # cameras that look less far back stand in the first row


@dataclass(frozen=True, eq=False)
class Photograph:
    """A camera's image and what was found on it.

    Args:
        channel: Name of the camera.
        view: Its geometry, at the stored size.
        image: As stored; None where it could not be read.
        boxes_px: (D, 4) x_min, y_min, x_max, y_max of detections.
        masks: (M, height, width), of any size that spans the image.
        mask_numbers: (M,) that colours are chosen by.
    """

    channel: str
    view: View
    image: NDArrayByte | None
    boxes_px: NDArrayFloat = field(default_factory=lambda: np.empty((0, 4)))
    masks: NDArrayBool = field(default_factory=lambda: np.empty((0, 1, 1), dtype=bool))
    mask_numbers: NDArrayInt = field(default_factory=lambda: np.empty(0, dtype=np.int64))


@dataclass(frozen=True, eq=False)
class Surroundings:
    """What is around the vehicle, in the global frame.

    Args:
        global_SE3_ego: The vehicle.
        points_m: (P, 3) LiDAR points.
        lanes_m: Centrelines (., 2).
        tracks_m: Ways (., 2) of followed objects.
    """

    global_SE3_ego: SE3
    points_m: NDArrayFloat
    lanes_m: Sequence[NDArrayFloat] = ()
    tracks_m: Sequence[NDArrayFloat] = ()


def plan_around(global_SE3_ego: SE3, reach_m: float, side_px: int) -> Plan:
    """The plan with the vehicle in its middle, looking up."""
    x_m, y_m, _ = global_SE3_ego.translation_m
    forward = global_SE3_ego.rotation[:, 0]
    return Plan(
        (float(x_m), float(y_m)), float(np.arctan2(forward[1], forward[0])), reach_m, side_px
    )


def draw_surroundings(around: Surroundings, plan: Plan) -> NDArrayByte:
    """The ground with lanes, points and tracks, without boxes."""
    image = plan.blank()
    draw_paths(image, plan, around.lanes_m, COLORS["lanes"], dots=False)
    draw_points(image, plan, around.points_m, float(around.global_SE3_ego.translation_m[2]))
    draw_paths(image, plan, around.tracks_m, COLORS["tracks"], dots=True)
    return image


def draw_plan(
    title: str, around: Surroundings, plan: Plan, layers: Mapping[str, Cuboids]
) -> NDArrayByte:
    """The ground with boxes of some layers and a legend."""
    image = draw_surroundings(around, plan)
    for name, boxes in layers.items():
        draw_footprints(image, plan, boxes, COLORS[name])
    words = [Word(8, 6, title)]
    named = [
        *layers,
        *(["tracks"] if around.tracks_m else []),
        *(["lanes"] if around.lanes_m else []),
    ]
    for line, name in enumerate(named, start=1):
        count = f" {len(layers[name])}" if name in layers else ""
        color = COLORS[name] if name != "lanes" else (120, 145, 185)
        words.append(Word(8, 6 + line * _LINE_PX, f"{name}{count}", color))
    write_words(image, words)
    return image


def draw_photograph(
    photograph: Photograph, width_px: int, layers: Mapping[str, Cuboids]
) -> NDArrayByte:
    """The image with masks, detections and the wires of 3D boxes."""
    view = photograph.view.scaled_to(width_px)
    if photograph.image is None:
        image = blank(view.width_px, view.height_px)
        write_words(image, [Word(8, 26, "no image")])
    else:
        image = shrunk(photograph.image, width_px)
    shade_masks(image, photograph.masks, photograph.mask_numbers)
    scale = width_px / photograph.view.width_px
    draw_rectangles(image, photograph.boxes_px * scale, COLORS["boxes on images"])
    for name, boxes in layers.items():
        draw_edges(image, view, boxes, COLORS[name])
    write_words(image, [Word(6, 4, photograph.channel)])
    return image


def in_viewing_order(photographs: Sequence[Photograph], around: Surroundings) -> list[list[int]]:
    """Rows of photographs: those that look ahead from left to right, then those that look back."""
    ego_SE3_global = around.global_SE3_ego.inverse()
    ahead: dict[int, float] = {}
    back: dict[int, float] = {}
    for index, photograph in enumerate(photographs):
        forward = ego_SE3_global.rotate(photograph.view.camera_SE3_global.rotation[2][None])[0]
        yaw_rad = float(np.arctan2(forward[1], forward[0]))
        if abs(yaw_rad) <= _SIDEWAYS_RAD:
            ahead[index] = -yaw_rad
        else:
            back[index] = yaw_rad % (2 * np.pi)
    return [sorted(row, key=row.__getitem__) for row in (ahead, back) if row]


def contact_sheet(
    title: str,
    photographs: Sequence[Photograph],
    around: Surroundings,
    layers: Mapping[str, Cuboids],
    notes: Sequence[str],
    width_px: int = 1500,
    reach_m: float = 50.0,
) -> NDArrayByte:
    """The whole page.

    Args:
        title: Its first line.
        photographs: The cameras; there may be none.
        around: What is around the vehicle.
        layers: Boxes by name of the layer, in the global frame.
        notes: What is not there, a line each.
        width_px: Of the page.
        reach_m: Of what is seen from above.
    """
    rows = in_viewing_order(photographs, around)
    columns = max(map(len, rows), default=1)
    tile_px = (width_px - GAP_PX * (columns - 1)) // columns
    on_images = {name: boxes for name, boxes in layers.items() if name in ("true", "fused")}
    tiles = [
        [draw_photograph(photographs[index], tile_px, on_images) for index in row] for row in rows
    ]
    plan = plan_around(around.global_SE3_ego, reach_m, (width_px - GAP_PX) // 2)
    labels = {n: layers[n] for n in ("true", "lifted", "fused") if n in layers}
    models = {n: layers[n] for n in ("true", "predicted") if n in layers}
    bare = replace(around, tracks_m=[])
    plans = [draw_plan("labels", around, plan, labels), draw_plan("model", bare, plan, models)]
    head = blank(width_px, 8 + _LINE_PX * (2 + len(notes)))
    legend: list[Word] = []
    x_px = 8.0
    for name, text in {
        "boxes on images": "2D detections, masks in many colours",
        **{name: f"{name} boxes" for name in on_images},
    }.items():
        legend.append(Word(x_px, 4 + _LINE_PX, text, COLORS[name]))
        x_px += 24 + 7.0 * len(text)
    below = [
        Word(8, 4 + _LINE_PX * line, note, (230, 190, 120)) for line, note in enumerate(notes, 2)
    ]
    write_words(head, [Word(8, 4, title, WORDS, 14), *legend, *below])
    return in_rows([[head], *tiles, plans], GAP_PX)
