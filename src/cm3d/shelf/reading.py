"""Images read and prepared ahead of the network, in processes of their own."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, partial
from multiprocessing import get_context
from pathlib import Path
from typing import TypeAlias

from cm3d.errors import InputError
from cm3d.sensors.images import read_image
from cm3d.shelf.prepared import Prepare, Prepared, shapes

_BATCHES_AHEAD = 2

Read: TypeAlias = Callable[[Path], "Prepared | Unreadable"]


@dataclass(frozen=True)
class Unreadable:
    """An image that cannot be used, and why.

    Args:
        reason: One line that names the file.
    """

    reason: str


@dataclass(frozen=True, eq=False)
class Batch:
    """Images of equal shapes.

    Args:
        rows: Where they stand in the list that was read.
        images: What the network takes of each.
    """

    rows: tuple[int, ...]
    images: tuple[Prepared, ...]


def read_batches(
    paths: Sequence[Path], prepare: Prepare, batch_size: int, readers: int
) -> Iterator[Batch | Unreadable]:
    """Read images in their order, as batches of neighbours of equal shapes.

    Args:
        paths: Image files.
        prepare: What is made of each image, where it was read.
        batch_size: Images of a batch at most.
        readers: Processes that read ahead; 0 reads here. Batches do not depend on it.

    Yields:
        Batches, and what cannot be read, as it comes.
    """
    read = partial(_read, prepare=prepare)
    waiting: list[tuple[int, Prepared]] = []
    for row, image in enumerate(_read_ahead(paths, read, readers, batch_size * _BATCHES_AHEAD)):
        if isinstance(image, Unreadable):
            yield image
            continue
        if waiting and (len(waiting) == batch_size or shapes(waiting[0][1]) != shapes(image)):
            yield _as_batch(waiting)
            waiting = []
        waiting.append((row, image))
    if waiting:
        yield _as_batch(waiting)


def _read(path: Path, prepare: Prepare) -> "Prepared | Unreadable":
    try:
        return prepare(read_image(path))
    except InputError as error:
        return Unreadable(str(error))


def _as_batch(rows: list[tuple[int, Prepared]]) -> Batch:
    return Batch(tuple(row for row, _ in rows), tuple(image for _, image in rows))


def _read_ahead(
    paths: Sequence[Path], read: Read, readers: int, ahead: int
) -> Iterable[Prepared | Unreadable]:
    if readers == 0:
        return map(read, paths)
    return _in_order(_pool(readers), paths, read, ahead + readers)


def _in_order(
    pool: ProcessPoolExecutor, paths: Sequence[Path], read: Read, ahead: int
) -> Iterator[Prepared | Unreadable]:
    futures: deque[Future[Prepared | Unreadable]] = deque()
    todo = iter(paths)
    try:
        while True:
            while len(futures) < ahead and (path := next(todo, None)) is not None:
                futures.append(pool.submit(read, path))
            if not futures:
                return
            yield futures.popleft().result()
    finally:
        for future in futures:
            future.cancel()


@lru_cache(maxsize=1)
def _pool(readers: int) -> ProcessPoolExecutor:
    # Started once per worker. Not forked: by now this process has the threads of a network.
    return ProcessPoolExecutor(readers, get_context("forkserver"))
