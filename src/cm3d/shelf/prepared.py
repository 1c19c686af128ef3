"""Images as networks take them."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from cm3d.geometry.arrays import NDArrayByte

# What a network is given of one image, by name. Arrays alone, so that it crosses processes.
Prepared: TypeAlias = dict[str, np.ndarray[Any, np.dtype[Any]]]

# From an RGB image (H, W, 3); picklable, numpy alone: it runs in the processes that read.
Prepare: TypeAlias = Callable[[NDArrayByte], Prepared]


def shapes(prepared: Prepared) -> tuple[tuple[int, ...], ...]:
    """Shapes of the arrays; images of equal shapes can share a batch."""
    return tuple(prepared[name].shape for name in sorted(prepared))


def stack(batch: Sequence[Prepared], name: str) -> np.ndarray[Any, np.dtype[Any]]:
    """One of the arrays of every image of a batch, (B, ...)."""
    return np.stack([prepared[name] for prepared in batch])


def as_is(image: NDArrayByte) -> Prepared:
    """The image itself, for models that take it so."""
    return {"image": image}
