import pytest
import torch

from cm3d.errors import InputError
from cm3d.execution.device import choose_device


def test_the_cpu_is_always_there(monkeypatch: pytest.MonkeyPatch) -> None:
    for available in (True, False):
        monkeypatch.setattr(torch.cuda, "is_available", lambda available=available: available)
        assert choose_device("cpu").type == "cpu"
        assert choose_device("auto").type == ("cuda" if available else "cpu")


def test_a_missing_gpu_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match=r"execution\.device"):
        choose_device("cuda")
