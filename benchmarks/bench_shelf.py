"""Shelf models: images per second of each adapter against its library's plain loop.

Ours is what the stage runs, from image files to rows of a table, masks with their RLE. The peer
takes image after image: it reads the file, lets the library prepare it, runs the model in
float32 and lets the library make boxes or masks of it, which are encoded as ours are. Weights are
random. On a CPU both have one thread. The published sizes run where there is a GPU, else with
`--full` on few images.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import torch
from rich.console import Console
from rich.table import Table
from transformers.utils import logging

from benchmarks.shelf.contests import CONTESTS, OWN_SIZE, REQUIRES, Contest, MakeContest, Run
from benchmarks.shelf.images import BOXES_PER_IMAGE, Scene, write_scene
from benchmarks.shelf.models import Size
from cm3d.errors import InputError
from cm3d.execution.devices import choose_device
from cm3d.params import Params, load_params

_TRAIN_IMAGES: Final = 28_130 * 6  # keyframes of nuScenes' train split, cameras
_NOT_RUN: Final = "not run"
_GPU_READERS: Final = 4  # where the parameters have none: a GPU would wait


@dataclass(frozen=True)
class Plan:
    """How much to measure.

    Args:
        images: Of a round.
        rounds: Peer and ours in turn.
    """

    images: int
    rounds: int


_GPU_PLAN: Final = Plan(images=48, rounds=3)
_CPU_PLANS: Final[dict[Size, Plan]] = {"tiny": Plan(12, 3), "full": Plan(2, 1)}


@dataclass(frozen=True)
class Rates:
    """Images per second.

    Args:
        ours: Median of the rounds.
        peer: Likewise; None without a peer.
    """

    ours: float
    peer: float | None


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="published sizes without a GPU too")
    parser.add_argument("--adapters", nargs="+", choices=CONTESTS, default=[*CONTESTS])
    parser.add_argument("--batch", type=int, help="execution.image_batch")
    parser.add_argument("--readers", type=int, help="execution.readers")
    options = parser.parse_args()
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    params = with_execution(load_params(), options.batch, options.readers)
    on_gpu = choose_device(params.execution.device).type == "cuda"
    sizes: list[Size] = ["tiny", "full"] if on_gpu or options.full else ["tiny"]
    with TemporaryDirectory() as folder:
        measurements = shown(rows(options.adapters, sizes, params, Path(folder)))
        Console(width=100).print(table(measurements, params))


def with_execution(params: Params, batch: int | None, readers: int | None) -> Params:
    """The parameters with another batch, other readers; on a GPU some of these in any case."""
    execution = params.execution
    on_gpu = choose_device(execution.device).type == "cuda"
    least = _GPU_READERS if on_gpu else 0
    changes = {
        "image_batch": batch or execution.image_batch,
        "readers": (execution.readers or least) if readers is None else readers,
    }
    return params.model_copy(update={"execution": execution.model_copy(update=changes)})


def table(rows: Iterator[list[str]], params: Params) -> Table:
    """The rows under their headings."""
    device = choose_device(params.execution.device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU, one thread"
    execution = params.execution
    found = Table(
        title=f"{name}: batches of {execution.image_batch}, {execution.readers} readers, "
        f"{BOXES_PER_IMAGE} boxes per image for masks"
    )
    for heading in ("adapter", "size", "precision"):
        found.add_column(heading, no_wrap=True)
    for heading in ("images", "loop (1/s)", "ours (1/s)", "ratio", "GPU hours"):
        found.add_column(heading, justify="right")
    for row in rows:
        found.add_row(*row)
    return found


def shown(rows: Iterator[list[str]]) -> Iterator[list[str]]:
    """The rows, each said as soon as it is there: a run may take long, and be stopped."""
    for row in rows:
        print(*row, sep=" | ", file=sys.stderr, flush=True)
        yield row


def rows(
    adapters: Sequence[str], sizes: Sequence[Size], params: Params, folder: Path
) -> Iterator[list[str]]:
    """One row per adapter and size, measured as it is asked for."""
    device = choose_device(params.execution.device)
    for adapter in adapters:
        if not all(map(find_spec, REQUIRES.get(adapter, ()))):
            yield [adapter, "", "not installed"]
            continue
        if adapter in OWN_SIZE:
            plan = plan_for("tiny", device)
            yield [adapter, "own", *measured(CONTESTS[adapter], "tiny", plan, params, folder)]
            continue
        for size in sizes:
            plan = plan_for(size, device)
            yield [adapter, size, *measured(CONTESTS[adapter], size, plan, params, folder)]
        if "full" not in sizes:
            yield [adapter, "full", _NOT_RUN]


def plan_for(size: Size, device: torch.device) -> Plan:
    """What there is time for."""
    return _GPU_PLAN if device.type == "cuda" else _CPU_PLANS[size]


def measured(make: MakeContest, size: Size, plan: Plan, params: Params, folder: Path) -> list[str]:
    """The cells of a row, or why there are none."""
    with TemporaryDirectory(dir=folder) as own:
        scene = write_scene(Path(own), plan.images)
        try:
            contest = make(size, params, scene, Path(own))
        except InputError as error:
            Console().print(str(error))
            return [_NOT_RUN]
        device = choose_device(params.execution.device)
        return cells(contest, race(contest, scene, plan.rounds, device), plan, device)


def race(contest: Contest, scene: Scene, rounds: int, device: torch.device) -> Rates:
    """Peer and ours in turn, so that what else the machine does slows both down."""
    runs = {"ours": contest.ours} | ({"peer": contest.peer} if contest.peer else {})
    if rounds > 1:  # what runs once is so slow that warming up would cost more than it says
        for run in runs.values():
            run(scene.first(len(scene) // 2))
    times_s = [
        {name: seconds(run, scene, device) for name, run in runs.items()} for _ in range(rounds)
    ]
    medians_s = {name: statistics.median(each[name] for each in times_s) for name in runs}
    rates = {name: len(scene) / time_s for name, time_s in medians_s.items()}
    return Rates(rates["ours"], rates.get("peer"))


def seconds(run: Run, scene: Scene, device: torch.device) -> float:
    """Wall-clock time of a run; nothing is left on the GPU before or after."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    start_s = time.perf_counter()
    run(scene)
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - start_s


def cells(contest: Contest, rates: Rates, plan: Plan, device: torch.device) -> list[str]:
    """What a row says of a measurement."""
    peer = ["", f"{rates.ours:.3g}", ""]
    if rates.peer is not None:
        peer = [f"{rates.peer:.3g}", f"{rates.ours:.3g}", f"{rates.ours / rates.peer:.2f}"]
    hours = f"{gpu_hours(rates.ours):.1f}" if device.type == "cuda" else _NOT_RUN
    precision = str(contest.precision).removeprefix("torch.")
    return [precision, f"{plan.images} x {plan.rounds}", *peer, hours]


def gpu_hours(images_per_s: float) -> float:
    """Hours of one GPU for nuScenes' train split."""
    return _TRAIN_IMAGES / images_per_s / 3600


if __name__ == "__main__":
    main()
