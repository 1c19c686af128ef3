"""One side of a race, in a process of its own."""

import importlib
import resource
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnContext
from typing import Any, Final, Literal

import torch

from benchmarks.detector.cases import Case
from cm3d.execution.devices import usable_cores

Request = Literal["train", "infer", "memory", "boxes", "parameters"]
_KB_PER_UNIT: Final = 1 / 1024 if sys.platform == "darwin" else 1  # of ru_maxrss


class Worker:
    """Asks a process that holds one side's model.

    Args:
        side: Module of this package that builds it, `ours` or `peer`.
        case: What to build.
    """

    def __init__(self, side: str, case: Case) -> None:
        """Start the process; it imports nothing that the other side needs alone."""
        context = SpawnContext()
        self._name = f"{side} of {case.name}"
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs, side, case), daemon=True)
        self._process.start()
        theirs.close()

    def close(self) -> None:
        """Let the process end."""
        self._connection.close()
        self._process.join()

    def ask(self, request: Request) -> float:
        """Let it do something: seconds of a step, megabytes, or a number.

        Raises:
            RuntimeError: The process has ended; its error is on the screen.
        """
        try:
            self._connection.send(request)
            return float(self._connection.recv())
        except (EOFError, BrokenPipeError, ConnectionResetError) as error:
            raise RuntimeError(f"{self._name} ended while it was asked to {request}") from error


def serve(connection: Connection, side: str, case: Case) -> None:
    """Answer requests until the other end closes."""
    torch.set_num_threads(usable_cores())
    module: Any = importlib.import_module(f"benchmarks.detector.{side}")
    libraries_mb = peak_mb(case.device)
    contest = module.build(case)
    answers: dict[Request, Callable[[], float]] = {
        "train": lambda: seconds(contest.train, case.device),
        "infer": lambda: seconds(contest.infer, case.device),
        "memory": lambda: peak_mb(case.device) - libraries_mb,
        "boxes": contest.infer,
        "parameters": lambda: contest.parameters,
    }
    while True:
        try:
            request = connection.recv()
        except EOFError:
            return
        connection.send(answers[request]())


def seconds(call: Callable[[], object], device: str) -> float:
    """Wall-clock time of a call; nothing is left on a GPU before or after."""
    if device == "cuda":
        torch.cuda.synchronize()
    start_s = time.perf_counter()
    call()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start_s


def peak_mb(device: str) -> float:
    """Largest memory so far: on a GPU allocated since the last call, else of the process."""
    if device != "cuda":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KB_PER_UNIT * 1024 / 1e6
    peak = torch.cuda.max_memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    return peak / 1e6
