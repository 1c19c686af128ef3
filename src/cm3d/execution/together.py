"""Several processes that train one detector together, one per GPU."""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import torch
from torch import distributed
from torch.multiprocessing.spawn import ProcessException, start_processes

from cm3d.errors import InputError
from cm3d.execution.devices import choose_device, usable_cores


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
    with TemporaryDirectory() as folder:
        errors, port = Path(folder), _free_port()
        try:
            start_processes(  # type: ignore[no-untyped-call]
                _join, (trainers, port, work, device, errors), trainers, start_method="spawn"
            )
        except ProcessException as stopped:
            messages = sorted(errors.iterdir())
            if not messages:
                raise
            raise InputError(messages[0].read_text()) from stopped


def _join(
    rank: int,
    trainers: int,
    port: int,
    work: Callable[[torch.device], None],
    device: str,
    errors: Path,
) -> None:
    """Be one of the processes; bad input is left as a file for the parent to report."""
    os.environ |= {"RANK": str(rank), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    with _group(device, trainers, rank) as own:
        try:
            work(own)
        except InputError as error:
            # before the group is left: that makes the others fail, and the parent stop them all
            (errors / str(rank)).write_text(str(error))
            raise SystemExit(1) from error


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
