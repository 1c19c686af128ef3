"""What mixed precision must leave alone."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import torch

Args = ParamSpec("Args")
Result = TypeVar("Result")


def in_full_precision(function: Callable[Args, Result]) -> Callable[Args, Result]:
    """The function, computing in float32 also within autocast.

    SAM's positional encoding is a matrix product, which autocast would round to bfloat16's 8 bits:
    coordinates by up to a pixel of 1024, and the phases that they become by more.
    """

    @wraps(function)
    def exact(*args: Args.args, **kwargs: Args.kwargs) -> Result:
        with torch.autocast("cpu", enabled=False), torch.autocast("cuda", enabled=False):
            return function(*args, **kwargs)

    return exact
