from pathlib import Path

import cv2
import numpy as np
import pytest

from cm3d.errors import InputError
from cm3d.shelf.images import Batch, ImageFile, Unreadable, image_files, read_batches
from cm3d.shelf.prepared import as_is
from cm3d.tables import Cameras


@pytest.fixture
def files(tmp_path: Path) -> list[ImageFile]:
    """Seven images: five of one shape, then one of another, then one of the first again."""
    generator = np.random.default_rng(0)
    found = []
    for index, width_px in enumerate([8, 8, 8, 8, 8, 6, 8]):
        image = generator.integers(0, 255, (4, width_px, 3), dtype=np.uint8)
        found.append(ImageFile(tmp_path / f"{index}.png", (width_px, 4)))
        cv2.imwrite(str(found[-1].path), image)
    return found


def test_neighbours_of_equal_shapes_share_a_batch(files: list[ImageFile]) -> None:
    batches = list(read_batches(files, as_is, batch_size=3, readers=0))
    assert [batch.rows for batch in batches] == [(0, 1, 2), (3, 4), (5,), (6,)]
    assert batches[2].sizes_px == ((6, 4),)
    for batch in batches:
        for row, prepared in zip(batch.rows, batch.images, strict=True):
            stored = cv2.imread(str(files[row].path))[..., ::-1]
            np.testing.assert_array_equal(prepared["image"], stored)


def test_what_cannot_be_read_is_said_in_its_place(files: list[ImageFile]) -> None:
    files[1].path.write_bytes(b"")
    files[6].path.unlink()
    read = list(read_batches(files, as_is, batch_size=10, readers=0))
    assert [item.path for item in read if isinstance(item, Unreadable)] == [
        files[1].path,
        files[6].path,
    ]
    rows = [item.rows for item in read if isinstance(item, Batch)]
    assert rows == [(0, 2, 3, 4), (5,)]


def test_readers_change_nothing_but_the_process(files: list[ImageFile]) -> None:
    files[3].path.write_bytes(b"no image")
    here = list(read_batches(files, as_is, batch_size=2, readers=0))
    ahead = list(read_batches(files, as_is, batch_size=2, readers=2))
    assert [type(item) for item in here] == [type(item) for item in ahead]
    for first, second in zip(here, ahead, strict=True):
        if isinstance(first, Batch):
            assert (first.rows, first.sizes_px) == (second.rows, second.sizes_px)
            for one, other in zip(first.images, second.images, strict=True):
                np.testing.assert_array_equal(one["image"], other["image"])


def test_leaving_early_is_no_error(files: list[ImageFile]) -> None:
    batches = read_batches(files, as_is, batch_size=1, readers=1)
    assert next(batches).rows == (0,)
    batches.close()
    assert [batch.rows for batch in read_batches(files[:1], as_is, 1, readers=1)] == [(0,)]


def test_nothing_to_read() -> None:
    assert list(read_batches([], as_is, batch_size=2, readers=1)) == []


@pytest.mark.parametrize("readers", [0, 1])
def test_another_size_is_no_unreadable_image(files: list[ImageFile], readers: int) -> None:
    files[4] = files[4]._replace(size_px=(16, 8))
    with pytest.raises(InputError, match=r"4\.png: .* as 8x4 pixels, the data set says 16x8"):
        list(read_batches(files, as_is, batch_size=2, readers=readers))


def test_files_and_sizes_are_those_of_the_table(tmp_path: Path) -> None:
    cameras = Cameras.from_columns(
        camera_token=["front", "back"],
        sample_token=["frame", "frame"],
        channel=["CAM_FRONT", "CAM_BACK"],
        path=["front.jpg", "a/back.jpg"],
        width_px=[1600, 800],
        height_px=[900, 450],
        intrinsics_px=np.tile(np.eye(3).ravel(), (2, 1)),
        global_SE3_camera=np.tile(np.eye(7)[0], (2, 1)),
    )
    front, back = image_files(cameras, tmp_path)
    assert front == (tmp_path / "front.jpg", (1600, 900))
    assert back == (tmp_path / "a/back.jpg", (800, 450))
