import pytest
import torch

from cm3d.errors import InputError
from cm3d.shelf.runtime import Runtime, in_full_precision


def test_a_cpu_computes_in_full_precision_on_one_thread() -> None:
    runtime = Runtime.choose("cpu", "bf16")
    assert (runtime.device.type, runtime.precision) == ("cpu", torch.float32)
    assert torch.get_num_threads() == 1


def test_a_gpu_computes_in_the_precision_that_is_asked_for(monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert Runtime.choose("auto", "fp16").precision is torch.float16
    assert Runtime.choose("auto", "bf16").device.type == "cuda"


def test_a_missing_gpu_is_named(monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match=r"execution\.device"):
        Runtime.choose("cuda", "bf16")


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_inference_in_a_precision_without_gradients(precision: torch.dtype) -> None:
    linear = torch.nn.Linear(3, 3)
    with Runtime(torch.device("cpu"), precision).inference():
        out = linear(torch.ones(1, 3))
    assert out.dtype is precision
    assert not out.requires_grad


def test_full_precision_within_autocast() -> None:
    weights, values = torch.rand(5, 7), torch.rand(7, 3)
    exact = weights @ values
    with Runtime(torch.device("cpu"), torch.bfloat16).inference():
        assert (weights @ values).dtype is torch.bfloat16
        assert torch.equal(in_full_precision(torch.matmul)(weights, values), exact)
        assert torch.equal(in_full_precision(torch.matmul)(weights, other=values), exact)


def test_rounded_arguments_are_computed_with_exactly() -> None:
    coarse, counts = torch.rand(4, dtype=torch.bfloat16), torch.arange(4)
    with torch.autocast("cpu", torch.bfloat16):
        total = in_full_precision(lambda x, n: (x * n).sum())(coarse, counts)
    assert total.dtype is torch.float32
    assert total == (coarse.float() * counts).sum()
