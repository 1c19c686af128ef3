"""Processes that end with the one that started them, however that ends."""

import os
import threading
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context, parent_process
from multiprocessing.util import Finalize


def helper_pool(processes: int) -> ProcessPoolExecutor:
    """Processes for as long as this one lives; a worker of an engine may have them as well.

    They are not forked: by now this process may have the threads of a network.
    """
    pool = ProcessPoolExecutor(processes, get_context("forkserver"), end_with_parent)
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
