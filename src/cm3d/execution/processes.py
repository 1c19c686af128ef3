"""Scenes in processes of this machine."""

import multiprocessing
import os
import sys
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.queues import SimpleQueue
from typing import TypeVar

from cm3d.errors import InputError
from cm3d.execution.lifetime import end_with_parent

ResultT = TypeVar("ResultT")


def in_processes(
    function: Callable[[str], ResultT], scenes: Sequence[str], workers: int, gpus: Sequence[str]
) -> Generator[tuple[str, ResultT], None, None]:
    """Apply `function` to scenes in worker processes, results as they come.

    Args:
        function: Picklable.
        scenes: Scene names.
        workers: Number of processes.
        gpus: CUDA_VISIBLE_DEVICES of each worker; none leaves it alone.

    Raises:
        InputError: A worker died.
    """
    # A plain fork would inherit the threads of OpenCV and torch in an undefined state; the fork
    # server is started before there are any, and imports the stage once for all workers.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_stage_modules())
    shares: SimpleQueue[str] = context.SimpleQueue()
    for gpu in gpus:
        shares.put(gpu)
    with ProcessPoolExecutor(workers, context, _begin, (shares, bool(gpus))) as pool:
        futures = {pool.submit(function, scene): scene for scene in scenes}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BrokenProcessPool as error:
            raise InputError(
                "execution.workers: a worker was killed, mostly for want of memory; finished "
                "scenes are kept, run it again with fewer workers"
            ) from error
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _begin(shares: "SimpleQueue[str]", dealt: bool) -> None:
    end_with_parent()
    if dealt:
        os.environ["CUDA_VISIBLE_DEVICES"] = shares.get()


def _stage_modules() -> list[str]:
    """What the module that runs imports from.

    Not that module itself: workers import it under another name.
    """
    imported = vars(sys.modules["__main__"]).values()
    names = {
        getattr(value, "__module__", None) or getattr(value, "__name__", "") for value in imported
    }
    return sorted(name for name in names - {"__main__"} if name in sys.modules)
