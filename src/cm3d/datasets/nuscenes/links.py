"""What records of nuScenes' tables say together: order in time, chains, one of each."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np

from cm3d.datasets.nuscenes.records import Record, check_unique, column, refuse
from cm3d.geometry.arrays import NDArrayFloat, NDArrayInt
from cm3d.tables.rules import MAX_GAP_S

Tables: TypeAlias = Mapping[str, Mapping[str, Record]]

_MIN_GAP_S: Final = 0.005  # between keyframes; a thousandth of usual gaps lies below
_MAX_SKEW_S: Final = 1.0  # between a keyframe and its files
_UNITS: Final = "time stamps are microseconds since 1970"


def check_scenes(folder: Path, tables: Tables) -> None:
    """Check that scenes have names of their own, and keyframes in an order that all agree on.

    Raises:
        InputError: Two scenes share a name, keyframes are too close or too far from each other in
            time, `prev` and `next` are not the order in time, or a scene counts other keyframes.
    """
    scenes, samples = list(tables["scene"].values()), list(tables["sample"].values())
    path = folder / "scene.json"
    check_unique(path, scenes, column(scenes, "name"), "name")
    number = {token: row for row, token in enumerate(tables["scene"])}
    scene = np.array([number[sample["scene_token"]] for sample in samples], dtype=np.int64)
    time_us = _times_us(samples)
    order = np.lexsort([time_us, scene])
    _check_gaps(folder / "sample.json", samples, scene, time_us, order)
    _check_chain(folder / "sample.json", samples, tables["sample"], time_us, "scene_token")
    counts = np.bincount(scene, minlength=len(scenes))
    bounds = np.append(0, np.cumsum(counts))
    for row, record in enumerate(scenes):
        if not counts[row]:
            raise refuse(path, record, f"scene {record['name']} has no keyframe in sample.json")
        own = order[bounds[row] : bounds[row + 1]]
        found = {
            "nbr_samples": int(counts[row]),
            "first_sample_token": samples[own[0]]["token"],
            "last_sample_token": samples[own[-1]]["token"],
        }
        for name, value in found.items():
            if record.get(name, value) != value:
                fault = f"{name} is {record[name]!r}, but by sample.json it is {value!r}"
                raise refuse(path, record, fault)


def _check_gaps(
    path: Path,
    samples: Sequence[Record],
    scene: NDArrayInt,
    time_us: NDArrayFloat,
    order: NDArrayInt,
) -> None:
    gaps_s = np.diff(time_us[order]) * 1e-6
    is_sound = (gaps_s >= _MIN_GAP_S) & (gaps_s <= MAX_GAP_S) | (np.diff(scene[order]) != 0)
    if not is_sound.all():
        first = int(np.argmin(is_sound))
        before, after = samples[order[first]], samples[order[first + 1]]
        fault = (
            f"timestamp {after['timestamp']} is {gaps_s[first]:g} s after {before['timestamp']}, "
            f"that of keyframe {before['token']!r}, not {_MIN_GAP_S} to {MAX_GAP_S:g} s; {_UNITS}"
        )
        raise refuse(path, after, fault)


def check_keyframes(
    path: Path, keyframes: Sequence[Record], sensors: Sequence[str], tables: Tables
) -> None:
    """Check that files of keyframes belong to them.

    Args:
        path: Of `sample_data`.
        keyframes: Records of files that belong to keyframes.
        sensors: The sensor of each.
        tables: All records.

    Raises:
        InputError: A sensor has two files for a keyframe, or one of another time.
    """
    keys = list(zip(column(keyframes, "sample_token"), sensors, strict=True))
    check_unique(path, keyframes, keys, "sample and channel")
    of_sample = _times_us([tables["sample"][token] for token, _ in keys])
    skew_s = np.abs(_times_us(keyframes) - of_sample) * 1e-6
    if (skew_s > _MAX_SKEW_S).any():
        row = int(np.argmax(skew_s > _MAX_SKEW_S))
        fault = (
            f"timestamp {keyframes[row]['timestamp']} is {skew_s[row]:g} s from that of its "
            f"keyframe, {of_sample[row]:.0f}; {_UNITS}"
        )
        raise refuse(path, keyframes[row], fault)


def check_sweeps(path: Path, sweeps: Sequence[Record], tables: Tables) -> None:
    """Check that each sweep comes after the one that it names as the one before.

    Raises:
        InputError: Time stands still or runs backwards, so also where the chain loops, the gap is
            too long, or the one before is of another sensor or scene.
    """
    own = {sweep["token"]: row for row, sweep in enumerate(sweeps)}
    linked = [row for row, sweep in enumerate(sweeps) if sweep["prev"]]
    for row in linked:
        if sweeps[row]["prev"] not in own:
            raise refuse(path, sweeps[row], f"prev {sweeps[row]['prev']!r} is of another sensor")
    before = np.array([own[sweeps[row]["prev"]] for row in linked], dtype=np.int64)
    time_us = _times_us(sweeps)
    gaps_s = (time_us[linked] - time_us[before]) * 1e-6
    is_sound = (gaps_s > 0) & (gaps_s <= MAX_GAP_S)
    if not is_sound.all():
        first = int(np.argmin(is_sound))
        fault = (
            f"it is {gaps_s[first]:g} s after its prev, {sweeps[before[first]]['token']!r}, not "
            f"more than 0 and at most {MAX_GAP_S:g} s; {_UNITS}, and no chain loops"
        )
        raise refuse(path, sweeps[linked[first]], fault)
    scene = [tables["sample"][sweep["sample_token"]]["scene_token"] for sweep in sweeps]
    for row, previous in zip(linked, before.tolist(), strict=True):
        if scene[row] != scene[previous]:
            raise refuse(path, sweeps[row], f"prev {sweeps[row]['prev']!r} is of another scene")


def check_annotations(path: Path, tables: Tables) -> None:
    """Check that an object is annotated once per keyframe, and linked in the order of time.

    Raises:
        InputError: It is annotated twice, or a chain breaks, loops or leaves the object.
    """
    records = list(tables["sample_annotation"].values())
    keys = list(
        zip(column(records, "sample_token"), column(records, "instance_token"), strict=True)
    )
    check_unique(path, records, keys, "sample and instance")
    time_us = _times_us([tables["sample"][token] for token, _ in keys])
    _check_chain(path, records, tables["sample_annotation"], time_us, "instance_token")


def _check_chain(
    path: Path,
    records: Sequence[Record],
    by_token: Mapping[str, Record],
    time_us: NDArrayFloat,
    of_one: str,
) -> None:
    """Check `prev` and `next`, where records have them: in time order, mutual, of one owner."""
    row_of = {token: row for row, token in enumerate(by_token)}
    for link, back, sign in (("prev", "next", -1.0), ("next", "prev", 1.0)):
        linked = [row for row, record in enumerate(records) if record.get(link)]
        others = [row_of[records[row][link]] for row in linked]
        gaps_us = sign * (time_us[others] - time_us[linked]) if linked else np.empty(0)
        pairs = [(records[row], records[other]) for row, other in zip(linked, others, strict=True)]
        shares_owner = [record[of_one] == other[of_one] for record, other in pairs]
        is_mutual = [other.get(back, mine["token"]) == mine["token"] for mine, other in pairs]
        for is_sound, fault in (
            (np.array(shares_owner, dtype=bool), f"has another {of_one}"),
            (np.asarray(gaps_us > 0), "is not in the order of time, so that the chain may loop"),
            (np.array(is_mutual, dtype=bool), f"has another {back}"),
        ):
            if not is_sound.all():
                record = records[linked[int(np.argmin(is_sound))]]
                raise refuse(path, record, f"its {link}, {record[link]!r}, {fault}")


def _times_us(records: Sequence[Record]) -> NDArrayFloat:
    return np.array(column(records, "timestamp"), dtype=np.float64)
