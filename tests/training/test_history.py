from cm3d.training.history import thinned

HISTORY = [{"epoch": n // 3, "step": n, "loss": float(n)} for n in range(7)]


def test_a_short_course_stays() -> None:
    assert thinned(HISTORY, 7) == HISTORY


def test_neighbours_are_averaged() -> None:
    # groups of 3, 2 and 2 steps
    assert thinned(HISTORY, 3) == [
        {"epoch": 0, "step": 2, "loss": 1.0},
        {"epoch": 1, "step": 4, "loss": 3.5},
        {"epoch": 2, "step": 6, "loss": 5.5},
    ]
