import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as coco_mask

from cm3d.tables.run_lengths import read_run_lengths


def strings(*encoded: bytes) -> np.ndarray:
    array = np.empty(len(encoded), dtype=object)
    array[:] = encoded
    return array


def test_known_runs_of_two_masks() -> None:
    # 4 outside, 2 inside, 3 outside; then all 9 inside.
    first = coco_mask.encode(np.asfortranarray([[0, 0, 0], [0, 1, 0], [0, 1, 0]], dtype=np.uint8))
    second = coco_mask.encode(np.asfortranarray(np.ones((3, 3), dtype=np.uint8)))
    lengths, of_mask = read_run_lengths(strings(first["counts"], second["counts"]))
    assert lengths.tolist() == [4, 2, 3, 0, 9]
    assert of_mask.tolist() == [0, 0, 0, 1, 1]


def test_bytes_by_hand() -> None:
    # 5 -> '5'. 100 = 3 * 32 + 4 -> low five bits 4 with the flag 32 -> 'T', then 3 -> '3'.
    # 7 -> '7'. The fourth count is a difference: 96 - 100 = -4 = 28 with the sign bit -> 'L'.
    lengths, _ = read_run_lengths(strings(b"5T37L"))
    assert lengths.tolist() == [5, 100, 7, 96]


def test_nothing_gives_nothing() -> None:
    lengths, of_mask = read_run_lengths(strings(b"", b""))
    assert len(lengths) == len(of_mask) == 0


@given(arrays(np.bool_, st.tuples(st.integers(1, 3), st.integers(1, 70), st.integers(1, 70))))
def test_round_trip_with_pycocotools(images: np.ndarray) -> None:
    codes = [coco_mask.encode(np.asfortranarray(i, dtype=np.uint8))["counts"] for i in images]
    lengths, of_mask = read_run_lengths(strings(*codes))
    for index, image in enumerate(images):
        runs = lengths[of_mask == index]
        inside = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
        assert np.array_equal(inside, image.ravel(order="F"))
