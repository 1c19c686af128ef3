from pathlib import Path

import cv2
import numpy as np
import pytest

from cm3d.shelf.images import Batch, Unreadable, read_batches
from cm3d.shelf.prepared import as_is


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    """Seven images: five of one shape, then one of another, then one of the first again."""
    generator = np.random.default_rng(0)
    found = []
    for index, width_px in enumerate([8, 8, 8, 8, 8, 6, 8]):
        image = generator.integers(0, 255, (4, width_px, 3), dtype=np.uint8)
        found.append(tmp_path / f"{index}.png")
        cv2.imwrite(str(found[-1]), image)
    return found


def test_neighbours_of_equal_shapes_share_a_batch(paths: list[Path]) -> None:
    batches = list(read_batches(paths, as_is, batch_size=3, readers=0))
    assert [batch.rows for batch in batches] == [(0, 1, 2), (3, 4), (5,), (6,)]
    assert batches[2].sizes_px == ((6, 4),)
    for batch in batches:
        for row, prepared in zip(batch.rows, batch.images, strict=True):
            stored = cv2.imread(str(paths[row]))[..., ::-1]
            np.testing.assert_array_equal(prepared["image"], stored)


def test_what_cannot_be_read_is_said_in_its_place(paths: list[Path]) -> None:
    paths[1].write_bytes(b"")
    paths[6].unlink()
    read = list(read_batches(paths, as_is, batch_size=10, readers=0))
    assert [item.path for item in read if isinstance(item, Unreadable)] == [paths[1], paths[6]]
    rows = [item.rows for item in read if isinstance(item, Batch)]
    assert rows == [(0, 2, 3, 4), (5,)]


def test_readers_change_nothing_but_the_process(paths: list[Path]) -> None:
    paths[3].write_bytes(b"no image")
    here = list(read_batches(paths, as_is, batch_size=2, readers=0))
    ahead = list(read_batches(paths, as_is, batch_size=2, readers=2))
    assert [type(item) for item in here] == [type(item) for item in ahead]
    for first, second in zip(here, ahead, strict=True):
        if isinstance(first, Batch):
            assert (first.rows, first.sizes_px) == (second.rows, second.sizes_px)
            for one, other in zip(first.images, second.images, strict=True):
                np.testing.assert_array_equal(one["image"], other["image"])


def test_leaving_early_is_no_error(paths: list[Path]) -> None:
    batches = read_batches(paths, as_is, batch_size=1, readers=1)
    assert next(batches).rows == (0,)
    batches.close()
    assert [batch.rows for batch in read_batches(paths[:1], as_is, 1, readers=1)] == [(0,)]


def test_nothing_to_read() -> None:
    assert list(read_batches([], as_is, batch_size=2, readers=1)) == []
