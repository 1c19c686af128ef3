"""Where scenes are worked on: in this process, in several, or on a Ray cluster."""

import os
import resource
import sys
import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import forkserver, get_context, parent_process, resource_tracker
from multiprocessing.context import ForkServerContext
from multiprocessing.queues import SimpleQueue
from multiprocessing.util import Finalize, get_temp_dir
from typing import Final, TypeVar

from cm3d.errors import InputError
from cm3d.execution.devices import deal_gpus, visible_gpus
from cm3d.execution.interruption import deaf_children
from cm3d.execution.ray_cluster import on_ray
from cm3d.params import Execution

ResultT = TypeVar("ResultT")

# Open files of a process with children: its own, and pipes and locks for each child.
_FILES: Final = 32
_FILES_OF_CHILD: Final = 4


def run_engine(
    function: Callable[[str], ResultT],
    scenes: Sequence[str],
    execution: Execution,
    networks: bool,
) -> Generator[tuple[str, ResultT], None, None]:
    """Apply `function` to scenes by the engine that `execution` names, results as they come.

    Args:
        function: Picklable; its result must depend on the scene alone.
        scenes: Scene names.
        execution: Engine, workers and their GPUs.
        networks: Whether `function` runs networks, so that its workers need GPUs, of which as many
            work at a time as these have room for.

    Raises:
        InputError: The engine cannot be had, or `function` raised it.
    """
    workers = min(execution.workers, len(scenes))
    wants_gpus = networks and execution.device != "cpu"
    if execution.engine == "ray" and scenes:
        return on_ray(function, scenes, workers, execution.gpus_per_worker if wants_gpus else 0)
    if execution.engine == "serial" or workers <= 1:
        return ((scene, function(scene)) for scene in scenes)
    gpus = visible_gpus() if wants_gpus else ()
    hands = deal_gpus(workers, gpus, execution.gpus_per_worker)
    return in_processes(function, scenes, len(hands) or workers, hands)


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
        InputError: A worker died, or so many need more open files than are allowed.
    """
    # A plain fork would inherit the threads of OpenCV and torch in an undefined state; the fork
    # server is started before there are any, and imports the stage once for all workers.
    get_context("forkserver").set_forkserver_preload(_stage_modules())
    context = _fork_server(workers)
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


def _fork_server(children: int) -> ForkServerContext:
    """A running fork server, whose processes leave Ctrl-C to the stage."""
    prepare_for_children(children)
    with deaf_children():
        forkserver.ensure_running()
    return get_context("forkserver")


def prepare_for_children(children: int) -> None:
    """Make what processes share with those that they start, so that they remove it when they end.

    A temporary folder of a child's own would outlive a child that is killed.

    Raises:
        InputError: So many need more open files than are allowed, of which they would die.
    """
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = _FILES + _FILES_OF_CHILD * children
    if allowed != resource.RLIM_INFINITY and allowed < needed:
        raise InputError(
            f"ulimit -n: {allowed} open files, and {children} processes need {needed}; raise it or "
            "lower execution.workers, readers, loaders or trainers"
        )
    get_temp_dir()
    chosen = os.environ.get("PYTHONWARNINGS")
    # the tracker would tell of what a killed child has left to it, on which it was started
    os.environ["PYTHONWARNINGS"] = ",".join(filter(None, [chosen, "ignore:resource_tracker"]))
    try:
        resource_tracker.ensure_running()
    finally:
        if chosen is None:
            del os.environ["PYTHONWARNINGS"]
        else:
            os.environ["PYTHONWARNINGS"] = chosen


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


def helper_pool(processes: int) -> ProcessPoolExecutor:
    """Processes for as long as this one lives; a worker of an engine may have them as well.

    They are not forked: by now this process may have the threads of a network.
    """
    pool = ProcessPoolExecutor(processes, _fork_server(processes), end_with_parent)
    # A worker joins its children before executors are shut down, and these would wait for work;
    # queues close at priority 10.
    Finalize(None, pool.shutdown, exitpriority=100)
    return pool


def end_with_parent() -> None:
    """Let this process end when its parent was killed, or it would wait for work forever."""
    threading.Thread(target=_wait_for_end_of_parent, daemon=True).start()


def _wait_for_end_of_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def leads() -> bool:
    """Whether this process is the one that writes: the first of a training, or alone."""
    return os.environ.get("RANK", "0") == "0"
