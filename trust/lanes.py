"""Jobs side by side, each lane with a clone of its own."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from queue import SimpleQueue
from typing import Final, TypeVar

from cm3d.execution.devices import usable_cores
from cm3d.execution.progress import Progress
from trust.clone import Clone
from trust.workplace import Workplace

JobT = TypeVar("JobT")
ResultT = TypeVar("ResultT")

_MOST: Final = 2


def in_lanes(
    place: Workplace,
    title: str,
    jobs: Iterable[JobT],
    work: Callable[[Clone, Path, JobT], ResultT],
    lanes: int | None = None,
) -> list[ResultT]:
    """Do all jobs; results in the order of the jobs.

    Args:
        place: Where the lanes' clones are made.
        title: What the progress says.
        jobs: What is to be done.
        work: Gets a clone, a folder for temporary files, and the job.
        lanes: How many run at once; None: one per core, two at most, and one if short.
    """
    todo = list(jobs)
    number = lanes or (1 if place.short else min(_MOST, usable_cores()))
    free: SimpleQueue[tuple[Clone, Path]] = SimpleQueue()
    for lane in range(min(number, len(todo))):
        name = f"{title}{lane}"
        free.put((place.copy(name), place.scratch(name)))

    def in_lane(job: JobT) -> ResultT:
        clone, scratch = free.get()
        try:
            return work(clone, scratch, job)
        finally:
            free.put((clone, scratch))

    with (
        ThreadPoolExecutor(number) as pool,
        Progress(title, len(todo), "trial", whole_run=True) as progress,
    ):
        futures = [pool.submit(in_lane, job) for job in todo]
        for _ in as_completed(futures):
            progress.add()
    return [future.result() for future in futures]
