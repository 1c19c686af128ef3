"""Which ground truth may be learned from: keyframes (paper, section 4; appendix I) and boxes."""

import zlib
from pathlib import Path

import numpy as np

from cm3d.errors import InputError
from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat
from cm3d.params import Labels, read_json
from cm3d.tables.boxes import GroundTruth
from cm3d.tables.index import Frames
from cm3d.tables.words import codes

_GOLDEN_RATIO = (5**0.5 - 1) / 2


def is_labelled(frames: Frames, labels: Labels, seed: int) -> NDArrayBool:
    """Which frames (N,) belong to the labelled part of train.

    Args:
        frames: The train keyframes of all scenes, as shares are shares of the data set; those of
            other splits may be among them.
        labels: The share and how it is drawn, or the file that lists the labelled part.
        seed: Of the order in which frames get labels.

    Raises:
        InputError: The file is unreadable, empty, or lists what is no train keyframe.
        ValueError: A frame stands there twice.
    """
    is_train = np.asarray(frames.split == "train", dtype=bool)
    if labels.are_listed:
        return _listed(frames, is_train, labels.frames_file)
    rank = label_ranks(frames, seed)
    if labels.sampling == "consecutive":
        rank = consecutive_rank(frames, rank)
    # begun elsewhere for each draw: by steps of the golden ratio the first three share no frame
    # up to 23%
    begun = np.asarray((rank + labels.draw * _GOLDEN_RATIO) % 1.0)
    return is_train & (begun < labels.fraction)


def is_unlabelled(frames: Frames, labels: Labels, seed: int) -> NDArrayBool:
    """Which frames (N,) belong to the rest of train, whose ground truth may only score.

    Arguments as of `is_labelled`.
    """
    return np.asarray((frames.split == "train") & ~is_labelled(frames, labels, seed))


def has_returns(ground_truth: GroundTruth) -> NDArrayBool:
    """Mask (N,) of boxes with LiDAR points or radar returns: those that CenterPoint keeps."""
    return np.asarray(ground_truth.num_lidar_points + ground_truth.num_radar_points > 0)


def label_ranks(frames: Frames, seed: int) -> NDArrayFloat:
    """Position (N,) of each train frame in the random order in which frames get labels, in [0, 1).

    The order is drawn over the whole data set, uniformly, and shares of it are nested: the
    labelled part for K% is `rank < K / 100`.

    Args:
        frames: The train keyframes of all scenes; those of other splits get 1.
        seed: Of the order.

    Raises:
        ValueError: A frame stands there twice.
    """
    if len(set(frames.sample_token)) < len(frames):
        raise ValueError("a frame stands there twice; give the frames of all scenes, once each")
    train = np.flatnonzero(frames.split == "train")
    train = train[np.argsort(frames.sample_token[train], kind="stable")]
    generator = np.random.default_rng([seed, zlib.crc32(b"label_rank")])
    ranks = np.ones(len(frames))
    ranks[train] = generator.permutation(len(train)) / len(train) if len(train) else 1.0
    return ranks


def consecutive_rank(frames: Frames, rank: NDArrayFloat) -> NDArrayFloat:
    """Position (N,) of each train frame where scenes get labels one after the other, in [0, 1).

    Scenes come in the order of their first frame in the random order, which is a random order
    too; within a scene time counts. So K% is whole scenes and the beginning of one more, and
    shares are nested (paper, appendix I: one annotates drives, not frames).

    Args:
        frames: N frames; those out of train get 1.
        rank: (N,) position of each frame in a random order.
    """
    train = np.flatnonzero(frames.split == "train")
    scene = codes(frames.scene_name[train])
    first = np.full(scene.max(initial=-1) + 1, np.inf)
    np.minimum.at(first, scene, rank[train])
    order = np.lexsort([frames.timestamp_us[train], scene, first[scene]])
    consecutive = np.ones(len(frames))
    consecutive[train[order]] = np.arange(len(train)) / len(train)
    return consecutive


def knob_of(labels: Labels) -> str:
    """The parameter that decides how large the labelled part is, to name it in messages."""
    return "labels.frames_file" if labels.are_listed else "labels.fraction"


def _listed(frames: Frames, is_train: NDArrayBool, file: str) -> NDArrayBool:
    """Which frames (N,) a file of sample tokens lists."""
    tokens = _read_tokens(Path(file))
    if strangers := sorted(tokens - set(frames.sample_token[is_train])):
        raise InputError(
            f"labels.frames_file: {file} lists {len(strangers)} tokens that are no train "
            f"keyframe, {strangers[0]!r} for one; remove them or give the data set's own list"
        )
    return is_train & np.isin(frames.sample_token.astype(str), list(tokens))


def _read_tokens(path: Path) -> set[str]:
    tokens = read_json(path, "correct labels.frames_file")
    if not isinstance(tokens, list) or not tokens or not all(isinstance(t, str) for t in tokens):
        raise InputError(f"{path}: not a list of sample tokens; correct labels.frames_file")
    return set(tokens)
