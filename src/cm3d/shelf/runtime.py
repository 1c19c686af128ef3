"""How a shelf model computes: on which device, in which precision."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import torch

from cm3d.execution.device import choose_device

_PRECISIONS: Final = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class Runtime:
    """A device and the precision of its matrix products.

    Args:
        device: Where the network lives.
        precision: Of autocast; float32 turns it off.
    """

    device: torch.device
    precision: torch.dtype

    @classmethod
    def choose(cls, device: str, precision: str) -> "Runtime":
        """The runtime that `execution.device` and a section's `precision` name.

        On a CPU everything is float32 on one thread: workers share out the cores, and a result
        must not depend on their number.

        Raises:
            InputError: There is no GPU to be had.
        """
        chosen = choose_device(device)
        if chosen.type == "cpu":
            torch.set_num_threads(1)
            return cls(chosen, torch.float32)
        return cls(chosen, _PRECISIONS[precision])

    @contextmanager
    def inference(self) -> Iterator[None]:
        """Within, networks compute without gradients, in this precision."""
        mixed = self.precision is not torch.float32
        with (
            torch.inference_mode(),
            torch.autocast(self.device.type, self.precision, enabled=mixed),
        ):
            yield
