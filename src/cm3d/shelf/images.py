"""Images read and prepared ahead of the network, in processes of their own."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import NamedTuple, TypeAlias

from cm3d.execution.processes import helper_pool
from cm3d.geometry.arrays import NDArrayByte
from cm3d.sensors.images import UnreadableImageError, read_image
from cm3d.shelf.prepared import Prepare, Prepared, shapes
from cm3d.tables import Cameras

_BATCHES_AHEAD = 2

# From a file and the width and height that it must have to an image.
ReadImage: TypeAlias = Callable[[Path, tuple[int, int]], NDArrayByte]


class ImageFile(NamedTuple):
    """An image as the index has it.

    Args:
        path: Its file.
        size_px: Its width and height.
    """

    path: Path
    size_px: tuple[int, int]


def image_files(cameras: Cameras, root: Path) -> list[ImageFile]:
    """The images of a table, in its order; `root` is the folder that their paths start from."""
    columns = zip(cameras.path, cameras.width_px, cameras.height_px, strict=True)
    return [ImageFile(root / str(path), (int(w), int(h))) for path, w, h in columns]


@dataclass(frozen=True)
class Unreadable:
    """An image that cannot be used.

    Args:
        path: Its file.
    """

    path: Path


@dataclass(frozen=True, eq=False)
class Ready:
    """An image that was read and prepared.

    Args:
        size_px: Width and height of the image that was prepared.
        prepared: What the network takes of it.
    """

    size_px: tuple[int, int]
    prepared: Prepared


@dataclass(frozen=True, eq=False)
class Batch:
    """Images of equal shapes.

    Args:
        rows: Where they stand in the list that was read.
        sizes_px: Width and height of each image that was prepared.
        images: What the network takes of each.
    """

    rows: tuple[int, ...]
    sizes_px: tuple[tuple[int, int], ...]
    images: tuple[Prepared, ...]


def read_batches(
    files: Sequence[ImageFile],
    prepare: Prepare,
    batch_size: int,
    readers: int,
    read: ReadImage = read_image,
) -> Iterator[Batch | Unreadable]:
    """Read images in their order, as batches of neighbours of equal shapes.

    Args:
        files: Which images, and how large they must be.
        prepare: What is made of each image, where it was read.
        batch_size: Images of a batch at most.
        readers: Processes that read ahead; 0 reads here. Batches do not depend on it.
        read: From a file to an image; picklable, raises what `read_image` does.

    Yields:
        Batches, and what cannot be read, as it comes.

    Raises:
        InputError: An image has another size than it must have: all that is known of its pixels
            would be wrong, and as a rule that of many others.
    """
    make_ready = partial(_make_ready, read=read, prepare=prepare)
    ahead = batch_size * _BATCHES_AHEAD + readers
    waiting: list[tuple[int, Ready]] = []
    for row, image in enumerate(_read_ahead(files, make_ready, readers, ahead)):
        if isinstance(image, Unreadable):
            yield image
            continue
        if waiting and (len(waiting) == batch_size or not _alike(waiting[0][1], image)):
            yield _as_batch(waiting)
            waiting = []
        waiting.append((row, image))
    if waiting:
        yield _as_batch(waiting)


def _make_ready(file: ImageFile, read: ReadImage, prepare: Prepare) -> Ready | Unreadable:
    try:
        image = read(*file)
    except UnreadableImageError:
        return Unreadable(file.path)
    return Ready((image.shape[1], image.shape[0]), prepare(image))


def _alike(first: Ready, second: Ready) -> bool:
    return shapes(first.prepared) == shapes(second.prepared)


def _as_batch(waiting: list[tuple[int, Ready]]) -> Batch:
    return Batch(
        tuple(row for row, _ in waiting),
        tuple(image.size_px for _, image in waiting),
        tuple(image.prepared for _, image in waiting),
    )


def _read_ahead(
    files: Sequence[ImageFile],
    make_ready: Callable[[ImageFile], Ready | Unreadable],
    readers: int,
    ahead: int,
) -> Iterable[Ready | Unreadable]:
    if readers == 0:
        return map(make_ready, files)
    return _in_order(_pool(readers), files, make_ready, ahead)


def _in_order(
    pool: ProcessPoolExecutor,
    files: Sequence[ImageFile],
    make_ready: Callable[[ImageFile], Ready | Unreadable],
    ahead: int,
) -> Iterator[Ready | Unreadable]:
    futures: deque[Future[Ready | Unreadable]] = deque()
    todo = iter(files)
    try:
        while True:
            while len(futures) < ahead and (file := next(todo, None)) is not None:
                futures.append(pool.submit(make_ready, file))
            if not futures:
                return
            yield futures.popleft().result()
    finally:
        for future in futures:
            future.cancel()


@lru_cache(maxsize=1)
def _pool(readers: int) -> ProcessPoolExecutor:
    return helper_pool(readers)
