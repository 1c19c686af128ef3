"""What is too much of time and memory; long scenes out of short ones."""

from trust.copied_scenes import to_and_fro
from trust.curves import _TIME, points
from trust.load import Cost, row_of


def costs(times_s: list[float], memory_mb: list[float]) -> list[Cost]:
    sizes = (1000, 3000, 10000)
    rows = zip(sizes, times_s, memory_mb, strict=True)
    return [Cost("lift", frames, time_s, peak_mb) for frames, time_s, peak_mb in rows]


def test_linear_time_and_flat_memory_are_as_promised() -> None:
    row, fault = row_of(costs([13.0, 33.0, 103.0], [400.0, 410.0, 420.0]))
    assert fault == ""
    assert row["10,000 frames (s)"] == 103.0
    assert row["1,000 (MB)"] == 400
    assert points(row, _TIME) == ([1000, 3000, 10000], [13.0, 33.0, 103.0])


def test_the_start_of_a_stage_is_no_growth() -> None:
    assert row_of(costs([1.0, 1.0, 9.0], [400.0] * 3))[1] == ""


def test_what_grows_faster_is_a_fault() -> None:
    assert "time grows" in row_of(costs([10.0, 30.0, 200.0], [400.0] * 3))[1]
    assert (
        "memory grows from 500 to 900 MB" in row_of(costs([10.0, 30.0, 90.0], [400.0, 500, 900]))[1]
    )


def test_a_heap_that_fills_at_first_is_no_growth() -> None:
    assert row_of(costs([10.0, 30.0, 90.0], [600.0, 800.0, 900.0]))[1] == ""


def test_a_drive_turns_at_its_ends() -> None:
    assert to_and_fro(3, 7) == [0, 1, 2, 1, 0, 1, 2]
    assert to_and_fro(1, 3) == [0, 0, 0]
    assert to_and_fro(2, 3) == [0, 1, 0]
