"""The detector: samples per second and memory beside mmdet3d's, and where its time goes.

Frames are the real keyframe ($CM3D_REAL_KEYFRAME), its one sweep standing in for ten, or, without
it, random points. Each side runs in a process of its own with the same points, boxes and number of
threads, and they take turns. Ours is what the stages run. mmdet3d's is its own model with its own
voxelisation, loss and decoding; both make a step of AdamW. Weights are random, and such that as
many boxes as there may be go into suppression.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import torch
from rich.console import Console
from rich.table import Table

from benchmarks.detector.cases import Case, cases
from benchmarks.detector.kernels import Kernel, profiled
from benchmarks.detector.race import Figures, race, sides
from benchmarks.detector.waiting import Waiting, measured
from cm3d.execution.devices import choose_device, usable_cores
from cm3d.params import load_params

_NO_PEER: Final = "mmdet3d is not installed: requirements-mmdet3d.txt says how"
_PEER_NOTE: Final = (
    "On a CPU ours computes sparse convolutions in PyTorch, as those of spconv 2.3.8 give other "
    "results from call to call there; mmdet3d runs with spconv as it is, but for the CUDA stream "
    "that its backward pass asks for."
)
_FRAMES: Final = 8
_EPOCHS: Final = 12
_KERNELS: Final = 15


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    device = choose_device(load_params().execution.device)
    plan = cases(device.type)
    names = list(dict.fromkeys(case.name for case in plan))
    parser.add_argument("--models", nargs="+", choices=names, default=names)
    parser.add_argument("--profile", action="store_true", help="kernels without a GPU too")
    options = parser.parse_args()
    chosen = [case for case in plan if case.name in options.models]
    console = Console(width=100)
    console.print(race_table(chosen, sides()))
    console.print(_PEER_NOTE if len(sides()) > 1 else _NO_PEER)
    with TemporaryDirectory() as folder:
        rows = measured(load_params(), _FRAMES, _EPOCHS, Path(folder), device)
        console.print(
            waiting_table(rows, f"{device.type}, {_FRAMES * _EPOCHS} frames of ten sweeps")
        )
    if device.type == "cuda" or options.profile:
        for case in chosen:
            console.print(kernel_table(kernels(case), case))


def race_table(chosen: Sequence[Case], names: Sequence[str]) -> Table:
    """Both sides of every case."""
    table = Table(title=f"{_machine(chosen[0].device)}; sweeps x batch of training")
    for heading in ("model", "input", "measure"):
        table.add_column(heading, no_wrap=True)
    for heading in ("ours", "mmdet3d", "ours / mmdet3d"):
        table.add_column(heading, justify="right")
    for case in chosen:
        for row in race_rows(case, race(case, names)):
            print(*row, sep=" | ", file=sys.stderr, flush=True)  # a run may be stopped
            table.add_row(*row)
        table.add_section()
    return table


def race_rows(case: Case, figures: Mapping[str, Figures]) -> Iterator[list[str]]:
    """What the table says of a case."""
    ours, peer = figures["ours"], figures.get("peer")
    measures = {
        f"training, {case.precision} (1/s)": "train",
        "inference (1/s)": "infer",
        "training, peak (MB)": "train_mb",
        "inference, peak (MB)": "infer_mb",
    }
    heads = [
        [case.name, f"{case.sweeps} x {case.batch}"],
        [f"{ours.parameters / 1e6:.2f} M parameters", ""],
    ]
    for index, (measure, field) in enumerate(measures.items()):
        own = getattr(ours, field)
        row = [*(heads[index] if index < len(heads) else ["", ""]), measure, f"{own:.3g}"]
        theirs = getattr(peer, field) if peer else None
        yield [*row, *([f"{theirs:.3g}", f"{own / theirs:.2f}"] if theirs else ["", ""])]


def waiting_table(rows: Iterable[Waiting], title: str) -> Table:
    """How long trainings waited for data."""
    table = Table(title=f"{title}: training of the small model")
    for heading in ("execution.loaders", "frames/s", "waiting for data"):
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(str(row.loaders), f"{row.frames_per_s:.2f}", f"{row.share:.0%}")
    return table


def kernels(case: Case) -> list[Kernel]:
    """Those of a training step."""
    from benchmarks.detector import ours  # what it imports is no part of the peer's process

    return profiled(ours.build(case).train, torch.device(case.device))


def kernel_table(found: Sequence[Kernel], case: Case) -> Table:
    """What is neither a product of matrices nor a convolution, longest first."""
    rest = [kernel for kernel in found if not kernel.is_matrix]
    share = sum(kernel.share for kernel in rest)
    table = Table(title=f"{case.name}, {case.precision}: {share:.0%} of a training step is not")
    table.add_column("convolutions or products of matrices, but", no_wrap=True, max_width=70)
    for heading in ("ms", "share"):
        table.add_column(heading, justify="right")
    for kernel in rest[:_KERNELS]:
        table.add_row(kernel.name, f"{kernel.ms:.2f}", f"{kernel.share:.1%}")
    return table


def _machine(device: str) -> str:
    if device == "cuda":
        return torch.cuda.get_device_name()
    return f"CPU, {usable_cores()} threads"


if __name__ == "__main__":
    main()
