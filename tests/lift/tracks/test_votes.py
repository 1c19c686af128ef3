import numpy as np
import pytest

from cm3d.lift.tracks.votes import Votes, representatives


def test_votes_by_hand() -> None:
    """Track 0: class 0 has 0.3 + 0.3, class 2 has 0.2; track 1 is of class 1 alone."""
    track, classes = np.array([0, 0, 1, 0]), np.array([0, 2, 1, 0])
    votes = Votes.of(track, classes, np.array([0.3, 0.2, 0.7, 0.3]), 3)
    assert votes.share == pytest.approx(np.array([[0.75, 0, 0.25], [0, 1, 0]]))
    assert votes.elected.tolist() == [0, 1]
    assert votes.second[0] == 2
    assert votes.shares(votes.elected) == pytest.approx([0.75, 1])
    assert votes.shares(votes.second) == pytest.approx([0.25, 0])


def test_boxes_of_score_0_elect_a_class_of_theirs() -> None:
    votes = Votes.of(np.array([0, 0, 1]), np.array([2, 2, 1]), np.array([0.0, 0.0, -0.5]), 3)
    assert votes.elected.tolist() == [2, 1]
    assert votes.share.sum(axis=1) == pytest.approx([1, 1])


def test_nobody_votes() -> None:
    nothing = np.empty(0, np.int64)
    assert len(Votes.of(nothing, nothing, np.empty(0), 3)) == 0


def test_a_box_of_the_class_stands_for_its_track_whatever_its_score() -> None:
    track, frame = np.array([0, 0, 0, 1]), np.array([0, 0, 1, 0])
    of_class = np.array([False, True, False, True])
    found = representatives(track, frame, np.array([0.9, 0.1, 0.5, 0.5]), of_class)
    assert found.tolist() == [1, 2, 3]
