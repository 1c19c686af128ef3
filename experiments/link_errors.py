"""`PYTHONPATH=src python -m experiments.link_errors`: do tracks join boxes of one object?

Run it in a workspace that has an index and masks, of any data set. It lifts a split in memory,
gives each box before tracks the annotated object of its kind that is nearest, and prints, by kind,
how many links between successive boxes of a track join different objects, how many of the links
that were possible were made, and how far moving objects are off before and after smoothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.spatial.distance import cdist

from cm3d.execution.arguments import Arguments
from cm3d.execution.stage import run_program
from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat, NDArrayInt
from cm3d.geometry.rows import Rows
from cm3d.lift.priors import Priors, load_priors
from cm3d.lift.refined import refined_frame
from cm3d.lift.sightings import Sightings
from cm3d.lift.tracks.association import associate, link
from cm3d.lift.tracks.detections import Detections, motion_of_classes
from cm3d.lift.tracks.grid import Grid
from cm3d.lift.tracks.motion import TrackMotion
from cm3d.params import Params, load_params
from cm3d.sensors.card import Sensors, open_sensors
from cm3d.tables import Frames, GroundTruth, layout
from cm3d.taxonomy import load_taxonomy
from stages.lift import read_keyframes

_OBJECT_M: Final = 2.0  # or half its length, if that is more: from its centre
_MOVING_MPS: Final = 0.5
_COLUMNS: Final = (
    "links", "wrong", "one end false", "found", "of moving ones", "moving, raw", "smoothed"
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Seen(Rows):
    """N boxes beside the objects that they show.

    Args:
        scene: Number of the scene.
        frame: Keyframe.
        group: Of motion.
        track: Within the scene.
        instance: The annotated object within the scene, -1 for a false box.
        moves: Whether it moves in the keyframe.
        raw_m: Distance of its centre as it was lifted.
        smoothed_m: The same after smoothing.
    """

    scene: NDArrayInt
    frame: NDArrayInt
    group: NDArrayInt
    track: NDArrayInt
    instance: NDArrayInt
    moves: NDArrayBool
    raw_m: NDArrayFloat
    smoothed_m: NDArrayFloat


def nearest_objects(distance_m: NDArrayFloat, reach_m: NDArrayFloat) -> NDArrayInt:
    """Column of the nearest object of each box, -1 where none reaches so far.

    Args:
        distance_m: (N, M) between centres, infinite where no box may show the object.
        reach_m: (M,) of the objects.
    """
    within = np.where(distance_m < reach_m, distance_m, np.inf)
    within = np.concatenate([within, np.full((len(within), 1), np.inf)], axis=1)
    nearest = within.argmin(axis=1)
    found = np.isfinite(within[np.arange(len(within)), nearest])
    return np.where(found, nearest, -1)


def links(key: NDArrayInt, frame: NDArrayInt) -> tuple[NDArrayInt, NDArrayInt]:
    """Rows before and after of successive keyframes (N,) of each key (N, K)."""
    order = np.lexsort((frame, *key.T))
    before, after = order[:-1], order[1:]
    same = (key[before] == key[after]).all(axis=1) & (frame[before] < frame[after])
    return before[same], after[same]


def followed(seen: Seen) -> tuple[NDArrayBool, NDArrayBool]:
    """Of each step (S,) of an object to the next keyframe that shows it: is a track on both ends.

    Also whether the object moves at the start. Several boxes may show it at once.
    """
    spot = np.stack([seen.scene, seen.instance, seen.frame], axis=1)
    spots, cell = np.unique(spot, axis=0, return_inverse=True)
    cell = cell.reshape(-1)
    moves = np.zeros(len(spots), dtype=bool)
    moves[cell[seen.moves]] = True
    goes_on = (spots[:-1, :2] == spots[1:, :2]).all(axis=1)
    count = seen.track.max(initial=0) + 1
    again = np.isin((cell + 1) * count + seen.track, cell * count + seen.track)
    made = np.zeros(len(spots), dtype=bool)
    made[cell[again]] = True
    return made[:-1][goes_on], moves[:-1][goes_on]


def figures(seen: Seen) -> list[float]:
    """A row of the table, shares in percent."""
    before, after = links(np.stack([seen.scene, seen.track], axis=1), seen.frame)
    first, second = seen.instance[before], seen.instance[after]
    both = (first >= 0) & (second >= 0)
    wrong = both & (first != second)
    half = (first >= 0) != (second >= 0)
    known = seen[seen.instance >= 0]
    made, moved = followed(known)
    moving = known[known.moves]
    return [
        float(len(before)),
        100 * _mean(wrong[both]),
        100 * _mean(half[first + second > -2]),
        100 * _mean(made),
        100 * _mean(made[moved]),
        _mean(moving.raw_m),
        _mean(moving.smoothed_m),
    ]


def _mean(values: NDArrayBool | NDArrayFloat) -> float:
    return float(values.mean()) if len(values) else float("nan")


def seen_in_scene(
    number: int,
    sightings: Sightings,
    frames: Frames,
    truth: GroundTruth,
    priors: Priors,
    params: Params,
) -> Seen:
    """Boxes of a scene, one per object and keyframe, followed."""
    taxonomy, tracks = priors.taxonomy, params.lift.tracks
    frames = frames.sorted()
    step = {token: row for row, token in enumerate(frames.sample_token)}
    sightings = sightings[np.unique(sightings.same_as)]
    boxes = sightings.boxes
    motion = motion_of_classes(taxonomy, tracks)
    frame = np.array([step[token] for token in boxes.sample_token], dtype=np.int64)
    found = Detections.from_boxes(
        boxes,
        taxonomy.indices(boxes.class_name),
        frame,
        sightings.evidence.position_std_m,
        motion,
    )
    time_s = (frames.timestamp_us - frames.timestamp_us[:1]) * 1e-6
    track = link(associate(found, time_s, tracks), found, time_s, tracks)
    grid = Grid.from_tracks(track, frame, time_s)
    smoothed_m = TrackMotion.of(found, grid, tracks).xy_m[track, frame]

    truth = truth[np.isin(truth.class_name, list(taxonomy.classes)) & (truth.num_lidar_points > 0)]
    truth_frame = np.array([step[token] for token in truth.sample_token], dtype=np.int64)
    truth_group = motion.group[taxonomy.indices(truth.class_name)]
    distance_m = cdist(found.xy_m, truth.center_m[:, :2])
    apart = (frame[:, None] != truth_frame) | (found.motion.group[:, None] != truth_group)
    distance_m[apart] = np.inf
    row = nearest_objects(distance_m, np.maximum(_OBJECT_M, truth.length_m / 2))
    instance = np.unique(truth.instance_token, return_inverse=True)[1].reshape(-1)
    matched = row >= 0
    true_m = np.full((len(row), 2), np.nan)
    true_m[matched] = truth.center_m[row[matched], :2]
    moves = np.zeros(len(row), dtype=bool)
    moves[matched] = np.linalg.norm(truth.velocity_mps[row[matched]], axis=1) > _MOVING_MPS
    object_of_box = np.full(len(row), -1, dtype=np.int64)
    object_of_box[matched] = instance[row[matched]]
    return Seen(
        scene=np.full(len(row), number),
        frame=frame,
        group=found.motion.group,
        track=track,
        instance=object_of_box,
        moves=moves,
        raw_m=np.linalg.norm(found.xy_m - true_m, axis=1),
        smoothed_m=np.linalg.norm(smoothed_m - true_m, axis=1),
    )


def read_scenes(split: str, sensors: Sensors, priors: Priors, params: Params) -> Iterator[Seen]:
    """Lift and follow the scenes of a split.

    Raises:
        InputError: The split or a table is missing.
    """
    for number, name in enumerate(sorted(set(layout.split_frames(split).scene_name))):
        frames = Frames.read(layout.FRAMES / f"{name}.parquet")
        truth = GroundTruth.read(layout.GROUND_TRUTH / f"{name}.parquet")
        keyframes = read_keyframes(name, frames, sensors, params.lift)
        lifted = [refined_frame(keyframe, priors, params.lift)[0] for keyframe in keyframes]
        yield seen_in_scene(number, Sightings.concatenate(lifted), frames, truth, priors, params)


def as_markdown(seen: Seen, groups: Mapping[str, int]) -> Iterator[str]:
    """The table, all boxes first and then by group of motion."""
    yield f"| | {' | '.join(_COLUMNS)} |"
    yield "|---" * (len(_COLUMNS) + 1) + "|"
    parts = {"all": seen} | {name: seen[seen.group == number] for name, number in groups.items()}
    for name, part in parts.items():
        formats = ("{:.0f}", *["{:.1f}%"] * 4, "{:.3f} m", "{:.3f} m")
        cells = [f.format(x) if x == x else "" for f, x in zip(formats, figures(part), strict=True)]
        yield f"| {name} | {' | '.join(cells)} |"


def main() -> None:
    """Print the table."""
    parser = Arguments("experiments.link_errors", __doc__)
    parser.add_argument("--split", default="train", choices=("train", "val"))
    split = parser.parse_args().split
    params = load_params()
    priors = load_priors(
        params.lift.shape_prior, load_taxonomy(params.taxonomy), params.lift.shape_prior_file
    )
    scenes = read_scenes(split, open_sensors(params.dataset), priors, params)
    seen = Seen.concatenate(scenes)
    groups = {name: number for number, name in enumerate(params.lift.tracks.motion)}
    print("\n".join(as_markdown(seen, groups)))


if __name__ == "__main__":
    run_program(main)
