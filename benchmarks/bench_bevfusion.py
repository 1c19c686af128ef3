"""BEVFusion: its view transform beside LSS as usually written, and its models by their sensors.

The peer builds the outer product of depths and channels and adds its rows up by `index_add`. Both
get the same numbers, and their sums and gradients are compared first.
"""

import json
import subprocess
import sys
from functools import partial
from typing import Final

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from benchmarks.fusion.model import Figures
from benchmarks.fusion.transform import Case, case_of, on, outer_product, there_and_back
from benchmarks.timing import timed
from cm3d.detectors.cameras.splat import splat
from cm3d.execution.devices import choose_device, usable_cores
from cm3d.params import load_params

_REPEATS: Final = 5
_MODELS: Final = {"LiDAR": "bevfusion_l", "cameras": "bevfusion_c", "both": "bevfusion"}


def main() -> None:
    """Measure and print both tables."""
    device, console = choose_device("auto"), Console(width=110)
    rng = np.random.default_rng(0)
    cases = [
        case_of("small", load_params().bevfusion.cameras.depths, (16, 44), 32, 128, rng),
        case_of("published", 118, (32, 88), 80, 360, rng),
    ]
    console.print(transform_table([on(case, device) for case in cases], device))
    figures = {sensors: measured_alone(preset) for sensors, preset in _MODELS.items()}
    console.print(models_table(figures, device))


def measured_alone(preset: str) -> Figures:
    """Figures of a model in a process of its own.

    Raises:
        subprocess.CalledProcessError: It failed; its error is on the screen.
    """
    command = [sys.executable, "-m", "benchmarks.fusion.model", preset]
    ended = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return Figures(**json.loads(ended.stdout.splitlines()[-1]))


def transform_table(cases: list[Case], device: torch.device) -> Table:
    """Forward and backward of both."""
    table = Table(title=f"view transform, forward and backward, {where(device)}")
    for heading in ("shape", "pixels", "depths", "channels", "ours ms", "index_add ms", "times"):
        table.add_column(heading, justify="left" if heading == "shape" else "right")
    for case in cases:
        results = [there_and_back(way, case) for way in (splat, outer_product)]
        for ours, theirs in zip(*results, strict=True):
            torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)
        ours_ms, theirs_ms = (
            timed(partial(there_and_back, way, case), _REPEATS).median_ms
            for way in (splat, outer_product)
        )
        table.add_row(
            case.name,
            f"{len(case.weight):,}",
            str(case.weight.shape[1]),
            str(case.features.shape[1]),
            f"{ours_ms:.1f}",
            f"{theirs_ms:.1f}",
            f"{theirs_ms / ours_ms:.1f}",
        )
    return table


def models_table(figures: dict[str, Figures], device: torch.device) -> Table:
    """One row per choice of sensors."""
    table = Table(title=f"one frame at a time, small shape, {where(device)}")
    headings = (
        "sensors",
        "parameters",
        "step ms",
        "view transform",
        "inference ms",
        "step MB",
        "frames/s",
        "waiting",
    )
    for heading in headings:
        table.add_column(heading, justify="left" if heading == "sensors" else "right")
    for sensors, found in figures.items():
        table.add_row(
            sensors,
            f"{found.parameters / 1e6:.2f} M",
            f"{found.step_ms:.0f}",
            f"{found.view_share:.1%}",
            f"{found.infer_ms:.0f}",
            f"{found.train_mb:.0f}",
            f"{found.frames_per_s:.1f}",
            f"{found.waiting:.0%}",
        )
    return table


def where(device: torch.device) -> str:
    """What was measured on."""
    return "GPU" if device.type == "cuda" else f"CPU, {usable_cores()} threads"


if __name__ == "__main__":
    main()
