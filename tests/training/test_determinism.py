import pytest
import torch

from cm3d.training.determinism import deterministic


def test_determinism_ends_with_the_block() -> None:
    with pytest.raises(RuntimeError), deterministic():
        assert torch.are_deterministic_algorithms_enabled()
        raise RuntimeError
    assert not torch.are_deterministic_algorithms_enabled()
