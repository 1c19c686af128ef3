"""Ground truth of a keyframe."""

import math
from collections import Counter
from dataclasses import fields

import numpy as np
from scipy.spatial.transform import Rotation

from cm3d.datasets.nuscenes.database import NuScenesTables
from cm3d.datasets.nuscenes.records import Record
from cm3d.geometry.angles import direction_of
from cm3d.geometry.arrays import NDArrayFloat, floats_or_nan
from cm3d.tables import Boxes3D, GroundTruth
from cm3d.taxonomy import Taxonomy

BICYCLE_RACK = "bicycle_rack"
_RACK_CATEGORY = "static_object.bicycle_rack"
_MAX_LISTED = 5
_MAX_GAP_S = 1.5  # nuScenes: no velocity over longer gaps; twice that for centred differences


def ground_truth(tables: NuScenesTables, sample_token: str, taxonomy: Taxonomy) -> GroundTruth:
    """The boxes of a keyframe whose category belongs to a class."""
    classes = {
        record["token"]: taxonomy.category_classes.get(_category(tables, record))
        for record in tables.annotations(sample_token)
    }
    records = [r for r in tables.annotations(sample_token) if classes[r["token"]] is not None]
    boxes = _boxes(tables, records, [str(classes[record["token"]]) for record in records])
    columns = {field.name: getattr(boxes, field.name) for field in fields(boxes)}
    return GroundTruth.from_columns(
        **columns,
        instance_token=[record["instance_token"] for record in records],
        num_lidar_points=[record["num_lidar_pts"] for record in records],
        num_radar_points=[record["num_radar_pts"] for record in records],
        visibility=[int(record["visibility_token"] or 0) for record in records],
    )


def bicycle_racks(tables: NuScenesTables, sample_token: str) -> Boxes3D:
    """The bicycle racks of a keyframe; the metrics ignore cycles inside."""
    annotations = tables.annotations(sample_token)
    records = [record for record in annotations if _category(tables, record) == _RACK_CATEGORY]
    return _boxes(tables, records, [BICYCLE_RACK] * len(records))


def unknown_categories(tables: NuScenesTables, taxonomy: Taxonomy) -> str | None:
    """One line on annotations whose category is of no class, so that they are left out."""
    known = {*taxonomy.category_classes, _RACK_CATEGORY}
    counts = Counter(name for name in tables.annotated_categories() if name not in known)
    if not counts:
        return None
    return (
        f"{tables.root / tables.version}: {sum(counts.values())} annotations of {len(counts)} "
        f"categories are of no class of taxonomy {taxonomy.name} and left out: {_most(counts)}"
    )


def unknown_attributes(tables: NuScenesTables, taxonomy: Taxonomy) -> str | None:
    """One line on annotations whose attribute the taxonomy lacks: all predictions are wrong."""
    known = {*taxonomy.attribute_names, ""}
    counts = Counter(name for name in tables.annotated_attributes() if name not in known)
    if not counts:
        return None
    return (
        f"{tables.root / tables.version}: {sum(counts.values())} annotations have an attribute "
        f"that taxonomy {taxonomy.name} lacks, so that no box can agree with it: {_most(counts)}"
    )


def _most(counts: Counter[str]) -> str:
    most = ", ".join(f"{name} ({count})" for name, count in counts.most_common(_MAX_LISTED))
    return f"{most}{' and more' if len(counts) > _MAX_LISTED else ''}"


def box_velocity(tables: NuScenesTables, annotation: Record) -> tuple[float, float]:
    """Velocity x, y in m/s, global frame: the centred difference of positions, or one-sided.

    NaN where the object is annotated once or the frames are too far apart in time; the
    definition of nuScenes' metrics.
    """
    first = _neighbour(tables, annotation, "prev")
    last = _neighbour(tables, annotation, "next")
    gap_s = (_time_us(tables, last) - _time_us(tables, first)) * 1e-6
    is_centred = first is not annotation and last is not annotation
    if not 0 < gap_s <= _MAX_GAP_S * (2 if is_centred else 1):
        return math.nan, math.nan
    (x0, y0, _), (x1, y1, _) = (floats_or_nan(r["translation"], (3,)) for r in (first, last))
    return (x1 - x0) / gap_s, (y1 - y0) / gap_s


def _boxes(tables: NuScenesTables, records: list[Record], class_names: list[str]) -> Boxes3D:
    sizes_m = [floats_or_nan(record["size"], (3,)) for record in records]
    width_length_height_m = np.array(sizes_m).reshape(-1, 3)
    rotations = [floats_or_nan(record["rotation"], (4,)) for record in records]
    return Boxes3D.from_columns(
        sample_token=[record["sample_token"] for record in records],
        class_name=class_names,
        score=np.ones(len(records)),
        center_m=[floats_or_nan(record["translation"], (3,)) for record in records],
        length_m=width_length_height_m[:, 1],
        width_m=width_length_height_m[:, 0],
        height_m=width_length_height_m[:, 2],
        yaw_rad=_yaw_rad(np.array(rotations).reshape(-1, 4)),
        velocity_mps=np.array([box_velocity(tables, record) for record in records]),
        attribute_name=[tables.attribute(record) for record in records],
    )


def _yaw_rad(quaternions: NDArrayFloat) -> NDArrayFloat:
    """Heading of the rotated x axis, (N,), from (N, 4) w, x, y, z; NaN where they are none."""
    if len(quaternions) == 0:
        return np.empty(0)
    is_rotation = np.isfinite(quaternions).all(axis=1) & quaternions.any(axis=1)
    sound = np.where(is_rotation[:, None], quaternions, 1.0)
    rotations = Rotation.from_quat(sound, scalar_first=True).as_matrix()
    return np.where(is_rotation, direction_of(rotations[:, :2, 0]), np.nan)


def _category(tables: NuScenesTables, annotation: Record) -> str:
    instance = tables.find("instance", annotation["instance_token"])
    return str(tables.find("category", instance["category_token"])["name"])


def _neighbour(tables: NuScenesTables, annotation: Record, link: str) -> Record:
    token = annotation[link]
    return tables.find("sample_annotation", token) if token else annotation


def _time_us(tables: NuScenesTables, annotation: Record) -> int:
    return int(tables.find("sample", annotation["sample_token"])["timestamp"])
