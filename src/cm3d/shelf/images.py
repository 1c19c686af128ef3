"""Images read and prepared ahead of the network, in processes of their own."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TypeAlias

from cm3d.errors import InputError
from cm3d.execution.processes import helper_pool
from cm3d.geometry.arrays import NDArrayByte
from cm3d.sensors.images import read_image
from cm3d.shelf.prepared import Prepare, Prepared, shapes

_BATCHES_AHEAD = 2

ReadImage: TypeAlias = Callable[[Path], NDArrayByte]


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
    paths: Sequence[Path],
    prepare: Prepare,
    batch_size: int,
    readers: int,
    read: ReadImage = read_image,
) -> Iterator[Batch | Unreadable]:
    """Read images in their order, as batches of neighbours of equal shapes.

    Args:
        paths: Image files.
        prepare: What is made of each image, where it was read.
        batch_size: Images of a batch at most.
        readers: Processes that read ahead; 0 reads here. Batches do not depend on it.
        read: From a file to an image; picklable, InputError where there is none.

    Yields:
        Batches, and what cannot be read, as it comes.
    """
    make_ready = partial(_make_ready, read=read, prepare=prepare)
    ahead = batch_size * _BATCHES_AHEAD + readers
    waiting: list[tuple[int, Ready]] = []
    for row, image in enumerate(_read_ahead(paths, make_ready, readers, ahead)):
        if isinstance(image, Unreadable):
            yield image
            continue
        if waiting and (len(waiting) == batch_size or not _alike(waiting[0][1], image)):
            yield _as_batch(waiting)
            waiting = []
        waiting.append((row, image))
    if waiting:
        yield _as_batch(waiting)


def _make_ready(path: Path, read: ReadImage, prepare: Prepare) -> Ready | Unreadable:
    try:
        image = read(path)
    except InputError:
        return Unreadable(path)
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
    paths: Sequence[Path],
    make_ready: Callable[[Path], Ready | Unreadable],
    readers: int,
    ahead: int,
) -> Iterable[Ready | Unreadable]:
    if readers == 0:
        return map(make_ready, paths)
    return _in_order(_pool(readers), paths, make_ready, ahead)


def _in_order(
    pool: ProcessPoolExecutor,
    paths: Sequence[Path],
    make_ready: Callable[[Path], Ready | Unreadable],
    ahead: int,
) -> Iterator[Ready | Unreadable]:
    futures: deque[Future[Ready | Unreadable]] = deque()
    todo = iter(paths)
    try:
        while True:
            while len(futures) < ahead and (path := next(todo, None)) is not None:
                futures.append(pool.submit(make_ready, path))
            if not futures:
                return
            yield futures.popleft().result()
    finally:
        for future in futures:
            future.cancel()


@lru_cache(maxsize=1)
def _pool(readers: int) -> ProcessPoolExecutor:
    return helper_pool(readers)
