"""Run one function per scene, in processes, with progress and without doing anything twice."""

import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import TypeVar

from tqdm import tqdm

ResultT = TypeVar("ResultT")


def map_scenes(
    function: Callable[[str], ResultT], scenes: Iterable[str], workers: int, title: str
) -> dict[str, ResultT]:
    """Apply `function` to every scene.

    Args:
        function: Picklable; its result must depend on the scene alone.
        scenes: Scene names.
        workers: Number of processes; 1 runs in this process.
        title: What the progress bar says.

    Returns:
        Result by scene, in the order of `scenes`.
    """
    names = list(scenes)
    done = dict(
        tqdm(_results(function, names, min(workers, len(names))), title, len(names), unit="scene")
    )
    return {name: done[name] for name in names}


def _results(
    function: Callable[[str], ResultT], scenes: list[str], workers: int
) -> Iterator[tuple[str, ResultT]]:
    if workers <= 1:
        yield from ((scene, function(scene)) for scene in scenes)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context) as pool:
        futures = {pool.submit(function, scene): scene for scene in scenes}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
