"""Run one function per scene, in processes, with progress and without doing anything twice."""

import multiprocessing
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from pathlib import Path
from typing import TypeVar

from tqdm import tqdm

from cm3d.execution.resume import resumable_folder
from cm3d.tables.table import Table

ResultT = TypeVar("ResultT")


def write_scene_tables(
    stage: str, out: Path, make: Callable[[str], Table], scenes: Iterable[str], workers: int
) -> None:
    """Write `<out>/<scene>.parquet` for every scene.

    The folder appears whole or not at all; an interrupted run goes on where it stopped.

    Args:
        stage: Name of the stage in dvc.yaml.
        out: Output folder.
        make: Picklable function from a scene's name to its table.
        scenes: Scene names.
        workers: Number of processes; the bytes written do not depend on it.
    """
    with resumable_folder(stage, out) as folder:
        map_scenes(partial(_write_once, make, folder), scenes, workers, stage)


def _write_once(make: Callable[[str], Table], folder: Path, scene: str) -> None:
    path = folder / f"{scene}.parquet"
    if not path.exists():
        make(scene).write(path)


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
    results = _results(function, names, min(workers, len(names)))
    done = dict(tqdm(results, desc=title, total=len(names), unit="scene"))
    return {name: done[name] for name in names}


def _results(
    function: Callable[[str], ResultT], scenes: list[str], workers: int
) -> Iterator[tuple[str, ResultT]]:
    if workers <= 1:
        yield from ((scene, function(scene)) for scene in scenes)
        return
    # A plain fork would inherit the threads of OpenCV and torch in an undefined state; the fork
    # server is started before there are any, and imports the stage once for all workers.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_stage_modules())
    with ProcessPoolExecutor(workers, context) as pool:
        futures = {pool.submit(function, scene): scene for scene in scenes}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _stage_modules() -> list[str]:
    """What the module that runs imports from.

    Not that module itself: workers import it under another name.
    """
    imported = vars(sys.modules["__main__"]).values()
    names = {
        getattr(value, "__module__", None) or getattr(value, "__name__", "") for value in imported
    }
    return sorted(name for name in names - {"__main__"} if name in sys.modules)
