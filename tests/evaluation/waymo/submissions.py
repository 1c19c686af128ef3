"""Random submissions and their ground truth, as Waymo's files have them."""

from typing import Any

import numpy as np

from cm3d.tables.waymo_objects import WaymoObjects

# Length, width and height of vehicles, pedestrians, signs and cyclists.
SIZES_M = np.array([[4.7, 2.1, 1.75], [0.9, 0.8, 1.7], [0.9, 0.7, 0.9], [1.8, 0.8, 1.7]])


def random_submission(
    seed: int, frames: int, objects: int, false: int
) -> tuple[WaymoObjects, WaymoObjects]:
    """Predictions and ground truth of some frames, with so many objects and false ones per frame.

    Most objects are found, a fifth of them twice, some with the heading the wrong way round; levels
    are annotated for some; people stand close enough for their boxes to overlap. All numbers are
    of single precision, as the official op takes no others.
    """
    rng = np.random.default_rng(seed)
    count = frames * objects
    kind = rng.choice(4, count, p=[0.45, 0.35, 0.1, 0.1])
    center_m = np.column_stack([rng.uniform(-70, 70, (count, 2)), rng.normal(1, 0.5, count)])
    close = (kind == 1) & (rng.random(count) < 0.5)
    center_m[close, :2] = np.round(center_m[close, :2] / 8) * 8 + rng.normal(
        0, 0.5, (close.sum(), 2)
    )
    truth = {
        "frame": np.repeat(np.arange(frames), objects),
        "kind": kind,
        "center_m": center_m,
        "size_m": SIZES_M[kind] * rng.uniform(0.8, 1.25, (count, 3)),
        "yaw_rad": rng.uniform(-np.pi, np.pi, count),
        "points": rng.integers(0, 30, count),
        "level": rng.choice(3, count, p=[0.7, 0.1, 0.2]),
    }
    found = np.flatnonzero(rng.random(count) < 0.85)
    found = np.concatenate([found, rng.choice(found, len(found) // 5)])
    noise = {name: values[found] for name, values in truth.items()}
    noise["center_m"] = noise["center_m"] + rng.normal(0, 0.12, (len(found), 3))
    noise["size_m"] = noise["size_m"] * rng.uniform(0.9, 1.1, (len(found), 3))
    turned = np.pi * (rng.random(len(found)) < 0.2)
    noise["yaw_rad"] = noise["yaw_rad"] + rng.normal(0, 0.1, len(found)) + turned
    kind = rng.integers(0, 4, frames * false)
    clutter = {
        "frame": np.repeat(np.arange(frames), false),
        "kind": kind,
        "center_m": np.column_stack(
            [rng.uniform(-75, 75, (len(kind), 2)), rng.normal(1, 0.5, len(kind))]
        ),
        "size_m": SIZES_M[kind] * rng.uniform(0.8, 1.2, (len(kind), 3)),
        "yaw_rad": rng.uniform(-np.pi, np.pi, len(kind)),
    }
    both = {name: np.concatenate([noise[name], clutter[name]]) for name in clutter}
    score = np.concatenate([rng.beta(4, 2, len(found)), rng.beta(1, 4, len(kind))])
    mixed = rng.permutation(len(score))
    predicted = _objects({name: values[mixed] for name, values in both.items()})
    score = score.astype(np.float32)[mixed]
    predicted = predicted.replace(score=score, overlaps_nlz=rng.random(len(score)) < 0.05)
    return predicted, _objects(truth)


def _objects(things: dict[str, Any]) -> WaymoObjects:
    count = len(things["frame"])
    size_m = things["size_m"].astype(np.float32)
    return WaymoObjects.from_columns(
        context_name=[f"drive-{frame // 10}" for frame in things["frame"]],
        timestamp_us=1_500_000_000_000_000 + things["frame"] * 100_000,
        camera=np.zeros(count),
        type=things["kind"] + 1,
        object_id=[""] * count,
        score=np.ones(count),
        overlaps_nlz=np.zeros(count, dtype=bool),
        difficulty=things.get("level", np.zeros(count)),
        num_lidar_points=things.get("points", np.zeros(count)),
        center_m=things["center_m"].astype(np.float32),
        length_m=size_m[:, 0],
        width_m=size_m[:, 1],
        height_m=size_m[:, 2],
        yaw_rad=things["yaw_rad"].astype(np.float32),
    )
