from pathlib import Path

import pytest
import torch

from cm3d.errors import InputError
from cm3d.execution.devices import choose_device, deal_gpus, visible_gpus


def test_the_cpu_is_always_there(monkeypatch: pytest.MonkeyPatch) -> None:
    for available in (True, False):
        monkeypatch.setattr(torch.cuda, "is_available", lambda available=available: available)
        assert choose_device("cpu").type == "cpu"
        assert choose_device("auto").type == ("cuda" if available else "cpu")


def test_a_missing_gpu_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match=r"execution\.device"):
        choose_device("cuda")


@pytest.mark.parametrize(
    ("workers", "gpus", "gpus_per_worker", "dealt"),
    [
        (2, ["0", "1"], 1.0, ["0", "1"]),
        (4, ["0", "1"], 0.5, ["0", "1", "0", "1"]),
        (3, ["4"], 1 / 3, ["4", "4", "4"]),
        (2, ["0", "1", "2", "3", "4"], 2.0, ["0,1", "2,3"]),
        (1, ["GPU-a", "GPU-b"], 1.0, ["GPU-a"]),
        (2, ["0", "1"], 0.75, ["0", "1"]),
        (3, ["0", "1"], 1.0, ["0", "1"]),
        (5, ["0", "1"], 0.5, ["0", "1", "0", "1"]),
        (2, ["0"], 1.0, ["0"]),
        (8, ["0", "1"], 0.0, []),
        (8, [], 1.0, []),
    ],
)
def test_gpus_are_dealt_round_robin_while_there_is_room(
    workers: int, gpus: list[str], gpus_per_worker: float, dealt: list[str]
) -> None:
    assert deal_gpus(workers, gpus, gpus_per_worker) == dealt


def test_more_gpus_per_worker_than_there_are_is_refused() -> None:
    with pytest.raises(InputError, match=r"gpus_per_worker: 4, but .* 2 GPUs; set it to at most 2"):
        deal_gpus(1, ["0", "1"], 4.0)


@pytest.mark.parametrize(
    ("value", "gpus"),
    [("0,3", ("0", "3")), ("", ()), ("-1", ()), ("GPU-1, GPU-2", ("GPU-1", "GPU-2"))],
)
def test_cuda_visible_devices_decides(
    monkeypatch: pytest.MonkeyPatch, value: str, gpus: tuple[str, ...]
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", value)
    assert visible_gpus() == gpus


@pytest.mark.parametrize(
    ("script", "gpus"),
    [
        ("echo 'GPU 0: A'; echo '  MIG 1g: B'; echo 'GPU 1: A'", ("0", "1")),
        ("echo 'no driver'; exit 9", ()),
        (None, ()),
    ],
)
def test_gpus_are_counted_without_a_network_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str | None, gpus: tuple[str, ...]
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if script is not None:
        (tmp_path / "nvidia-smi").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert visible_gpus() == gpus
