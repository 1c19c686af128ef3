"""Several processes that train one detector together, one per GPU."""

import os
import socket
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from multiprocessing.queues import SimpleQueue
from typing import Final, Literal, cast

import torch
from torch import distributed
from torch.multiprocessing import get_context

from cm3d.errors import InputError, refused
from cm3d.execution.devices import choose_device, usable_cores
from cm3d.execution.interruption import deaf_children
from cm3d.execution.processes import end_with_parent, prepare_for_children

_LONGEST: Final = 20_000  # characters that a pipe takes without a reader
_MOMENT_S: Final = 1.0


def train_together(work: Callable[[torch.device], None], trainers: int, device: str) -> None:
    """Run `work` in every process of a training, each with its own device.

    Started by `torchrun`, this process is one of them; otherwise they are started here.

    Args:
        work: Picklable; within, the processes reduce their sums together.
        trainers: How many, see `count_trainers`.
        device: auto, cpu or cuda.

    Raises:
        InputError: `work` raised it in some process.
    """
    if "RANK" in os.environ and "WORLD_SIZE" in os.environ:
        with _group(device, int(os.environ["WORLD_SIZE"]), int(os.environ["LOCAL_RANK"])) as own:
            work(own)
    elif trainers == 1:
        work(choose_device(device))
    else:
        _start(work, trainers, device)


def count_trainers(wanted: int | Literal["auto"], device: str) -> int:
    """How many processes `execution.trainers` asks for.

    Raises:
        InputError: More than there are GPUs or, without any, cores.
    """
    on_gpu = choose_device(device).type == "cuda"
    devices = torch.cuda.device_count() if on_gpu else usable_cores()
    if wanted == "auto":
        return devices if on_gpu else 1
    if wanted > devices:
        kind = "GPUs" if on_gpu else "cores"
        raise InputError(
            f"execution.trainers: {wanted} processes, but {devices} {kind}; lower it to {devices}"
        )
    return wanted


def _start(work: Callable[[torch.device], None], trainers: int, device: str) -> None:
    prepare_for_children(trainers)
    context, port = get_context("spawn"), _free_port()
    failures: SimpleQueue[_Failure] = context.SimpleQueue()
    processes = [
        context.Process(target=_join, args=(rank, trainers, port, work, device, failures))
        for rank in range(trainers)
    ]
    try:
        with deaf_children():
            for process in processes:
                process.start()
        running = {process.sentinel: process for process in processes}
        while running:
            for ended in wait(list(running)):
                process = running.pop(cast(int, ended))
                process.join()
                if process.exitcode != 0:
                    raise _reported(failures, processes)
    finally:
        for process in processes:
            if process.pid is not None:
                process.kill()
                process.join()


@dataclass(frozen=True)
class _Failure:
    """What ended a process: bad input in one line, or the traceback of a fault."""

    is_input: bool
    text: str


def _reported(failures: "SimpleQueue[_Failure]", processes: Sequence[SpawnProcess]) -> Exception:
    """What to raise for the first process that failed; the others failed because of it."""
    failure = None if failures.empty() else failures.get()
    # one whose partner is killed may report its lost connection before the parent has seen the kill
    if failure is None or (not failure.is_input and _one_was_killed(processes)):
        return InputError(
            "execution.trainers: a process of the training was killed, mostly for want of memory; "
            "steps are kept, run it again with a smaller batch_size or fewer trainers"
        )
    return InputError(failure.text) if failure.is_input else RuntimeError(failure.text)


def _one_was_killed(processes: Sequence[SpawnProcess]) -> bool:
    wait([process.sentinel for process in processes if process.is_alive()], timeout=_MOMENT_S)
    return any((process.exitcode or 0) < 0 for process in processes)


def _join(
    rank: int,
    trainers: int,
    port: int,
    work: Callable[[torch.device], None],
    device: str,
    failures: "SimpleQueue[_Failure]",
) -> None:
    """Be one of the processes; what goes wrong is left for the parent to report."""
    end_with_parent()
    os.environ |= {"RANK": str(rank), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    try:
        with _group(device, trainers, rank) as own:
            # told before the group is left: that makes the others fail, and the parent stop all
            with _told(failures):
                work(own)
    except Exception:
        if failures.empty():
            failures.put(_Failure(False, traceback.format_exc()[-_LONGEST:]))
        os._exit(1)


@contextmanager
def _told(failures: "SimpleQueue[_Failure]") -> Iterator[None]:
    try:
        yield
    except (InputError, OSError) as error:
        said = refused(error) if isinstance(error, OSError) else error
        failures.put(_Failure(True, str(said)[:_LONGEST]))
        raise


@contextmanager
def _group(device: str, trainers: int, local_rank: int) -> Iterator[torch.device]:
    """Membership in the group of processes, and the device of this one."""
    own = choose_device(device)
    if own.type == "cuda":
        own = torch.device("cuda", local_rank)
        torch.cuda.set_device(own)
    else:
        torch.set_num_threads(max(1, usable_cores() // trainers))
    distributed.init_process_group(
        "nccl" if own.type == "cuda" else "gloo",
        rank=int(os.environ["RANK"]),
        world_size=trainers,
    )
    try:
        yield own
    finally:
        distributed.destroy_process_group()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
