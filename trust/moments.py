"""When a stage is hit: moments drawn from a seed, as shares of its undisturbed time."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

# Most of a short stage is the start of Python and the imports; work comes after that.
_START: Final = 0.3
_HITS_OF_START: Final = 0.25
_LAST: Final = 0.98
_MOST_IN_A_ROW: Final = 3
_GROUPS: Final = 0.25


@dataclass(frozen=True)
class Hit:
    """One signal.

    Args:
        share: Of the undisturbed duration that has passed.
        group: Whether all processes of the stage get it, instead of its first alone.
    """

    share: float
    group: bool


def chains(seed: int, name: str) -> Iterator[tuple[Hit, ...]]:
    """Without end, rows of one to three hits, each on the run that takes up what the last left.

    Args:
        seed: The source of all randomness.
        name: Of the stage, which has moments of its own.
    """
    rng = random.Random(f"{seed} {name}")
    while True:
        yield tuple(_hit(rng) for _ in range(rng.randint(1, _MOST_IN_A_ROW)))


def _hit(rng: random.Random) -> Hit:
    early = rng.random() < _HITS_OF_START
    share = rng.uniform(0.0, _START) if early else rng.uniform(_START, _LAST)
    return Hit(share, rng.random() < _GROUPS)


def quotas(names: tuple[str, ...], total: int) -> dict[str, int]:
    """How many hits each stage gets so that they are `total` in all, as even as may be."""
    least, more = divmod(total, len(names))
    return {name: least + (place < more) for place, name in enumerate(names)}
