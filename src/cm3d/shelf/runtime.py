"""How a shelf model computes: on which device, in which precision, on which scale of pixels."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any, Final, ParamSpec, TypeVar

import torch

from cm3d.execution.devices import choose_device

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


Args = ParamSpec("Args")
Result = TypeVar("Result")


def in_full_precision(function: Callable[Args, Result]) -> Callable[Args, Result]:
    """The function, computing in float32 also within autocast.

    For positions: bfloat16 has 8 bits, so that a coordinate of 1600 pixels is off by up to 4.
    Tensors of fewer bits among the arguments become float32.
    """

    @wraps(function)
    def exact(*args: Args.args, **kwargs: Args.kwargs) -> Result:
        with torch.autocast("cpu", enabled=False), torch.autocast("cuda", enabled=False):
            named = {name: _as_float32(value) for name, value in kwargs.items()}
            return function(*(_as_float32(value) for value in args), **named)

    return exact


def _as_float32(value: Any) -> Any:
    is_float = isinstance(value, torch.Tensor) and value.is_floating_point()
    return value.float() if is_float else value


class Normalize:
    """From bytes to zero mean and unit deviation, on the network's device.

    Images cross processes as bytes, a quarter of their size as floats.
    """

    def __init__(self, processor: Any, device: torch.device) -> None:
        """Take mean and deviation from an image processor of transformers."""
        self._factor = float(processor.rescale_factor)
        self._mean, self._std = (
            torch.tensor(values, device=device).view(-1, 1, 1)
            for values in (processor.image_mean, processor.image_std)
        )

    def __call__(self, pixels: torch.Tensor) -> torch.Tensor:
        """From uint8 (B, 3, H, W) to float32."""
        return (pixels * self._factor - self._mean) / self._std
