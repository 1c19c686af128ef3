"""How far a stage is, how fast it goes and how long it will take."""

from collections.abc import Collection, Generator, Mapping
from contextlib import closing
from typing import Any, TypeVar

from tqdm import tqdm

ResultT = TypeVar("ResultT")


def counted(
    results: Generator[tuple[str, ResultT], None, None],
    title: str,
    sizes: Mapping[str, int],
    unit: str,
    todo: Collection[str],
) -> Generator[tuple[str, ResultT], None, None]:
    """Hand on results by scene beside a bar that counts what each of them stands for.

    Args:
        results: Scenes and their results, as they come.
        title: What the bar says.
        sizes: Number of units by scene.
        unit: What `sizes` counts.
        todo: The scenes that will come; all others were done before and do not add to the speed.
    """
    total = sum(sizes.values())
    before = total - sum(sizes[scene] for scene in todo)
    # scenes come in bursts, one per worker, so the speed is that of the whole run
    options: dict[str, Any] = {"initial": before, "smoothing": 0}
    with closing(results), tqdm(desc=title, total=total, unit=unit, **options) as bar:
        for scene, result in results:
            bar.update(sizes[scene])
            yield scene, result
