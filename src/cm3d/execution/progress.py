"""How far a stage is, how fast it goes and how long it will take.

On a terminal a bar; in a log (Slurm, a pipe) a line at the start, one a minute, one at the end.
"""

import sys
import time
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping
from contextlib import closing
from types import TracebackType
from typing import Any, Final, Self, TextIO, TypeVar

from tqdm import tqdm

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")

_EVERY_S: Final = 60.0


class Progress:
    """Counts units of work within a `with` block.

    Args:
        title: What is done.
        total: Units in all.
        unit: What is counted, in the singular.
        done: Units that were done before; they do not add to the speed.
        quiet: Say nothing, as all but one of several processes do.
        whole_run: Whether the speed is that of the whole run, for work that comes in bursts.
        stream: Where it is said; stderr if None.
        clock: Seconds.
    """

    def __init__(
        self,
        title: str,
        total: int,
        unit: str,
        *,
        done: int = 0,
        quiet: bool = False,
        whole_run: bool = False,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin to count; nothing is said before the block is entered."""
        self._title, self._unit, self._total, self._quiet = title, unit, total, quiet
        self._done, self._before, self._clock = done, done, clock
        self._stream = sys.stderr if stream is None else stream
        self._smoothing = 0.0 if whole_run else 0.3
        self._bar: tqdm[Any] | None = None

    def __enter__(self) -> Self:
        """Say what there is to do."""
        self._begun_s = self._said_s = self._clock()
        if self._quiet:
            return self
        if self._stream.isatty():
            self._bar = tqdm(
                total=self._total,
                initial=self._done,
                desc=self._title,
                unit=self._unit,
                smoothing=self._smoothing,
                mininterval=0.5,
                file=self._stream,
            )
        else:
            before = f", {self._done} done before" if self._done else ""
            self._say(f"{self._count(self._total)} to do{before}")
        return self

    def add(self, count: int = 1, note: str = "") -> None:
        """Count units that are done now.

        Args:
            count: How many.
            note: What else there is to say, as the loss.
        """
        self._done += count
        if self._bar is not None:
            self._bar.set_postfix_str(note, refresh=False)
            self._bar.update(count)
        elif not self._quiet and self._clock() - self._said_s >= _EVERY_S:
            self._said_s = self._clock()
            self._say(", ".join(filter(None, [self._speed(), note])))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Say that it is done, or how far it came."""
        if self._bar is not None:
            self._bar.close()
        elif not self._quiet:
            passed = _time(self._clock() - self._begun_s)
            self._say(f"{self._done} of {self._count(self._total)} done, in {passed}")

    def _speed(self) -> str:
        """How many are done, how many a second, and the time left."""
        passed_s = max(self._clock() - self._begun_s, 1e-9)
        rate = (self._done - self._before) / passed_s
        left = _time((self._total - self._done) / rate) if rate else "unknown time"
        return f"{self._done} of {self._count(self._total)}, {rate:.3g} a second, {left} left"

    def _count(self, number: int) -> str:
        return f"{number} {self._unit}{'' if number == 1 else 's'}"

    def _say(self, text: str) -> None:
        print(f"{self._title}: {text}", file=self._stream, flush=True)


def followed(
    items: Iterable[ItemT], title: str, total: int, unit: str, *, quiet: bool = False
) -> Iterator[ItemT]:
    """Hand on items, each counted once the next one is asked for."""
    with Progress(title, total, unit, quiet=quiet) as progress:
        for item in items:
            yield item
            progress.add()


def counted(
    results: Generator[tuple[str, ResultT], None, None],
    title: str,
    sizes: Mapping[str, int],
    unit: str,
    todo: Collection[str],
) -> Generator[tuple[str, ResultT], None, None]:
    """Hand on results by scene, and count what each of them stands for.

    Args:
        results: Scenes and their results, as they come.
        title: What is done.
        sizes: Number of units by scene.
        unit: What `sizes` counts.
        todo: The scenes that will come; all others were done before and do not add to the speed.
    """
    total = sum(sizes.values())
    before = total - sum(sizes[scene] for scene in todo)
    # scenes come in bursts, one per worker
    progress = Progress(title, total, unit, done=before, whole_run=True)
    with closing(results), progress:
        for scene, result in results:
            progress.add(sizes[scene])
            yield scene, result


def _time(seconds: float) -> str:
    """A duration to read: 42 s, 12 min, 3 h 05 min."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02} min"
