import pytest
import torch

from cm3d.training.determinism import deterministic, one_thread


def test_determinism_ends_with_the_block() -> None:
    with pytest.raises(RuntimeError), deterministic():
        assert torch.are_deterministic_algorithms_enabled()
        raise RuntimeError
    assert not torch.are_deterministic_algorithms_enabled()


@pytest.mark.parametrize(("device", "within"), [("cpu", 1), ("cuda", 3)])
def test_a_cpu_computes_on_one_thread_within_the_block(device: str, within: int) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with pytest.raises(RuntimeError), one_thread(torch.device(device)):
            assert torch.get_num_threads() == within
            raise RuntimeError
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
