"""Two processes on one machine, joined by gloo."""

import errno
import json
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

import pytest
import torch

from cm3d.detectors.norm import BatchNorm
from cm3d.detectors.ranks import rank, ranks, sum_over_processes
from cm3d.errors import InputError
from cm3d.execution import together
from cm3d.execution.processes import leads
from cm3d.execution.together import count_trainers, train_together


@dataclass(frozen=True)
class Report:
    """Writes what a process knows of the others."""

    folder: Path

    def __call__(self, device: torch.device) -> None:
        own = torch.tensor([float(rank() + 1)], requires_grad=True)
        total = sum_over_processes(own)
        (total * (rank() + 1)).backward()
        content = {
            "processes": ranks(),
            "device": str(device),
            "total": total.item(),
            "gradient": own.grad.item(),
            "threads": torch.get_num_threads(),
            "leads": leads(),
        }
        (self.folder / str(rank())).write_text(json.dumps(content))


@pytest.mark.parametrize(("trainers", "total", "gradient"), [(1, 1.0, 1.0), (2, 3.0, 3.0)])
def test_sums_and_their_gradients_reach_every_process(tmp_path, trainers, total, gradient) -> None:
    # the sum of 1 and 2 is 3; losses weigh it 1 and 2, so each value's gradient is 3
    train_together(Report(tmp_path), trainers, "cpu")
    assert sorted(path.name for path in tmp_path.iterdir()) == [str(n) for n in range(trainers)]
    for number in range(trainers):
        report = json.loads((tmp_path / str(number)).read_text())
        assert report["processes"] == trainers
        assert report["device"] == "cpu"
        assert (report["total"], report["gradient"]) == (total, gradient)
        assert report["leads"] == (number == 0)
    assert "RANK" not in os.environ


@dataclass(frozen=True)
class Normalised:
    """Normalises this process's part of some values."""

    folder: Path

    def __call__(self, device: torch.device) -> None:
        norm, own = BatchNorm(3, momentum=0.5), values()[rank() * 3 : rank() * 3 + 5]
        own = own[: 5 if rank() else 3].clone().requires_grad_()
        out = norm(own)
        (out * weights()[rank() * 3 : rank() * 3 + len(own)]).sum().backward()
        content = {"out": out.tolist(), "gradient": own.grad.tolist()}
        content["mean"], content["var"] = norm.running_mean.tolist(), norm.running_var.tolist()
        (self.folder / str(rank())).write_text(json.dumps(content))


def values() -> torch.Tensor:
    return torch.randn(8, 3, generator=torch.Generator().manual_seed(0)) * 2 + 1


def weights() -> torch.Tensor:
    return torch.randn(8, 3, generator=torch.Generator().manual_seed(1))


def test_batch_normalisation_sees_the_whole_batch(tmp_path) -> None:
    train_together(Normalised(tmp_path), 2, "cpu")
    parts = [json.loads((tmp_path / str(number)).read_text()) for number in (0, 1)]
    norm, whole = BatchNorm(3, momentum=0.5), values().requires_grad_()
    out = norm(whole)
    (out * weights()).sum().backward()
    for name, expected in (("out", out), ("gradient", whole.grad)):
        joined = torch.tensor(parts[0][name] + parts[1][name])
        torch.testing.assert_close(joined, expected.detach(), atol=1e-5, rtol=1e-5)
    for part in parts:
        torch.testing.assert_close(torch.tensor(part["mean"]), norm.running_mean)
        torch.testing.assert_close(torch.tensor(part["var"]), norm.running_var)


@dataclass(frozen=True)
class Failing:
    """Bad input in the second process."""

    def __call__(self, device: torch.device) -> None:
        if rank() == 1:
            raise InputError("sweep.bin: missing; restore it")
        sum_over_processes(torch.zeros(1))  # waits for the other


def test_bad_input_of_any_process_is_reported_as_its_own() -> None:
    with pytest.raises(InputError, match=r"^sweep\.bin: missing; restore it$"):
        train_together(Failing(), 2, "cpu")


@dataclass(frozen=True)
class Dying:
    """The second process is killed, or its disk is full."""

    killed: bool

    def __call__(self, device: torch.device) -> None:
        if rank() == 1 and self.killed:
            os.kill(os.getpid(), signal.SIGKILL)
        if rank() == 1:
            raise OSError(errno.ENOSPC, "No space left on device", "state/training.pt")
        sum_over_processes(torch.zeros(1))


@pytest.mark.parametrize(
    ("killed", "said"),
    [(True, r"^execution\.trainers: .* was killed"), (False, r"^state/training\.pt: No space .*")],
)
def test_a_process_that_dies_is_one_line(
    killed: bool, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(InputError, match=said):
        train_together(Dying(killed), 2, "cpu")
    assert "Traceback" not in capfd.readouterr().err


def test_a_killed_process_is_told_from_the_partner_that_it_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def late(running: Sequence[int], timeout: float | None = None) -> list[Any]:
        for sentinel in running:  # to the end of all: the partner reports its lost connection
            wait([sentinel])
        return list(wait(running, timeout))

    monkeypatch.setattr(together, "wait", late)
    with pytest.raises(InputError, match=r"^execution\.trainers: .* was killed"):
        train_together(Dying(killed=True), 2, "cpu")


def test_more_processes_than_cores_are_refused() -> None:
    cores = len(os.sched_getaffinity(0))
    assert count_trainers(cores, "cpu") == cores
    assert count_trainers("auto", "cpu") == 1
    with pytest.raises(InputError, match=rf"execution\.trainers: {cores + 1} .* {cores} cores"):
        count_trainers(cores + 1, "cpu")
