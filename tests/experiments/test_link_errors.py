import numpy as np

from experiments.link_errors import Seen, figures, followed, links, nearest_objects


def test_the_nearest_object_that_reaches_so_far_is_shown() -> None:
    distance_m = np.array([[1.5, 3.0], [2.5, 3.0], [2.5, 6.0], [np.inf, np.inf]])
    np.testing.assert_array_equal(nearest_objects(distance_m, np.array([2.0, 5.0])), [0, 1, -1, -1])
    assert nearest_objects(np.empty((2, 0)), np.empty(0)).tolist() == [-1, -1]


def test_links_join_successive_keyframes_of_a_key() -> None:
    key = np.array([[0, 0], [0, 1], [0, 0], [1, 0], [0, 0]])
    before, after = links(key, np.array([4, 1, 0, 2, 1]))
    assert sorted(zip(before.tolist(), after.tolist(), strict=True)) == [(2, 4), (4, 0)]


def test_figures_by_hand() -> None:
    """Track 0 goes from object 7 to 8 and to a false box, track 1 is object 8, later missed."""
    seen = Seen(
        scene=np.zeros(6, dtype=np.int64),
        frame=np.array([0, 1, 2, 0, 3, 4]),
        group=np.zeros(6, dtype=np.int64),
        track=np.array([0, 0, 0, 1, 1, 1]),
        instance=np.array([7, 8, -1, 8, 8, 8]),
        moves=np.array([True, False, False, False, True, False]),
        raw_m=np.array([1.0, 5.0, np.nan, 5.0, 2.0, 5.0]),
        smoothed_m=np.array([0.5, 5.0, np.nan, 5.0, 1.5, 5.0]),
    )
    # Of four links three have two objects, one of these is wrong; object 8 has three steps, of
    # which those to and from keyframe 1 change the track.
    np.testing.assert_allclose(figures(seen), [4, 100 / 3, 25, 100 / 3, 100, 1.5, 1.0])


def test_a_step_is_made_if_any_box_of_the_object_goes_on() -> None:
    """Two boxes show the object at first; the track of the second goes on, then another."""
    seen = Seen(
        scene=np.zeros(4, dtype=np.int64),
        frame=np.array([0, 0, 2, 3]),
        group=np.zeros(4, dtype=np.int64),
        track=np.array([0, 1, 1, 2]),
        instance=np.full(4, 5),
        moves=np.array([False, True, False, False]),
        raw_m=np.zeros(4),
        smoothed_m=np.zeros(4),
    )
    made, moves = followed(seen)
    assert made.tolist() == [True, False] and moves.tolist() == [True, False]
