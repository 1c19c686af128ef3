"""Both sides in turn, so that what else the machine does slows both down."""

import statistics
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from importlib.util import find_spec

from benchmarks.detector.cases import Case
from benchmarks.detector.worker import Request, Worker


@dataclass(frozen=True)
class Figures:
    """What was measured of one side.

    Args:
        train: Samples per second of training steps, by their median.
        infer: Likewise of inference.
        train_mb: Peak memory of both, beyond the libraries'.
        infer_mb: Of inference alone.
        boxes: Found in the frame.
        parameters: Of the model.
    """

    train: float
    infer: float
    train_mb: float
    infer_mb: float
    boxes: int
    parameters: int


def sides() -> list[str]:
    """Ours, and the peer where it is installed."""
    return ["ours", *(["peer"] if find_spec("mmdet3d") else [])]


def race(case: Case, names: Sequence[str]) -> dict[str, Figures]:
    """Figures by side.

    Raises:
        RuntimeError: A side failed, or the models differ in their number of parameters.
    """
    with ExitStack() as stack:
        workers = {name: stack.enter_context(closing(Worker(name, case))) for name in names}
        counts = {name: int(worker.ask("parameters")) for name, worker in workers.items()}
        if len(set(counts.values())) > 1:
            raise RuntimeError(f"{case.name}: not the same models, parameters are {counts}")
        boxes = {name: int(worker.ask("boxes")) for name, worker in workers.items()}
        infer_s = _alternately(workers, "infer", case.repeats)
        infer_mb = {name: worker.ask("memory") for name, worker in workers.items()}
        # of few repeats the median leaves the first, cold one out by itself
        train_s = _alternately(workers, "train", case.repeats, warm_up=case.repeats > 3)
        train_mb = {name: worker.ask("memory") for name, worker in workers.items()}
    return {
        name: Figures(
            case.batch / train_s[name],
            1 / infer_s[name],
            train_mb[name],
            infer_mb[name],
            boxes[name],
            counts[name],
        )
        for name in names
    }


def _alternately(
    workers: Mapping[str, Worker], request: Request, repeats: int, warm_up: bool = False
) -> dict[str, float]:
    """Median seconds by side."""
    rounds = [
        {name: worker.ask(request) for name, worker in workers.items()}
        for _ in range(repeats + warm_up)
    ]
    return {
        name: statistics.median(times_s[name] for times_s in rounds[warm_up:]) for name in workers
    }
