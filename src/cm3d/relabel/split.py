"""The keyframes of train, and what is known of the labelled ones among them."""

from dataclasses import dataclass
from typing import Self, TypeVar

from cm3d.geometry.arrays import NDArrayBool, NDArrayObject
from cm3d.splits.labelled import has_returns
from cm3d.tables import Boxes3D, Frames, GroundTruth
from cm3d.tables.words import positions

BoxesT = TypeVar("BoxesT", bound=Boxes3D)


@dataclass(frozen=True, eq=False)
class Split:
    """N keyframes of train.

    Args:
        frames: All of them.
        labelled: (N,) whether the truth of a keyframe may be used.
        truth: That of the labelled ones: boxes with returns, the same that trainings learn from.
    """

    frames: Frames
    labelled: NDArrayBool
    truth: GroundTruth

    @classmethod
    def of(cls, frames: Frames, labelled: NDArrayBool, truth: GroundTruth) -> Self:
        """Leave out the truth that may not be used; `truth` may be that of all keyframes."""
        known = _of_keyframes(truth, frames.sample_token[labelled])
        return cls(frames, labelled, known[has_returns(known)])

    @property
    def unlabelled_frames(self) -> Frames:
        """The keyframes whose truth may only score."""
        return self.frames[~self.labelled]

    def labelled_only(self, boxes: BoxesT) -> BoxesT:
        """The boxes of labelled keyframes."""
        return _of_keyframes(boxes, self.frames.sample_token[self.labelled])

    def unlabelled_only(self, boxes: BoxesT) -> BoxesT:
        """The boxes of the other keyframes."""
        return _of_keyframes(boxes, self.frames.sample_token[~self.labelled])


def _of_keyframes(boxes: BoxesT, tokens: NDArrayObject) -> BoxesT:
    return boxes[positions(boxes.sample_token, tokens) >= 0]
