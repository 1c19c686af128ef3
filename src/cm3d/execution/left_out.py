"""What a stage could not use: said at the end, and too much of it stops the stage."""

from collections.abc import Sequence
from typing import Final

from cm3d.errors import InputError
from cm3d.tables.noted import LeftOut

_NAMED: Final = 5


def refuse_too_many(unreadable: Sequence[str], images: int, limit: float) -> None:
    """Stop when more of a stage's images are unreadable than may be.

    Args:
        unreadable: The images found so far.
        images: Number of images of the whole stage.
        limit: Largest share, `execution.max_unreadable`.

    Raises:
        InputError: There are too many.
    """
    if images and len(unreadable) / images > limit:
        raise InputError(
            f"execution.max_unreadable: {len(unreadable)} of {images} images "
            f"({len(unreadable) / images:.2%}) are unreadable so far, {limit:.2%} may be; restore "
            f"them or raise the limit; the first: {unreadable[0]}"
        )


def say_what_was_left_out(left_out: LeftOut) -> None:
    """Print one line per reason: how many, and the names of the first few."""
    for reason, names in left_out.items():
        if not names:
            continue
        distinct = list(dict.fromkeys(names))
        more = ", ..." if len(distinct) > _NAMED else ""
        print(f"note: left out {len(names)} {reason}: {', '.join(distinct[:_NAMED])}{more}")
