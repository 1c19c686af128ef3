"""Run one function per scene, by any engine, with progress and without doing anything twice."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TypeVar

from cm3d.execution.engines import run_engine
from cm3d.execution.left_out import refuse_too_many, say_what_was_left_out
from cm3d.execution.progress import counted
from cm3d.execution.resume import resumable_folder
from cm3d.execution.unfinished import UnfinishedTables
from cm3d.params import Execution
from cm3d.tables.noted import UNREADABLE, LeftOut, Noted, merge_left_out
from cm3d.tables.table import Table

ResultT = TypeVar("ResultT")


def write_scene_tables(
    stage: str,
    out: Path,
    make: Callable[[str], Table],
    scenes: Iterable[str],
    execution: Execution,
    networks: bool = False,
) -> None:
    """Write `<out>/<scene>.parquet` for every scene.

    The folder appears whole or not at all; an interrupted run goes on where it stopped.

    Args:
        stage: Name of the stage in dvc.yaml.
        out: Output folder.
        make: Picklable function from a scene's name to its table.
        scenes: Scene names.
        execution: Engine and workers; the bytes written do not depend on them.
        networks: Whether `make` runs networks, so that its workers need GPUs.
    """
    sizes = dict.fromkeys(scenes, 1)
    write_noted_tables(stage, out, partial(_noted, make), sizes, execution, networks, "scene")


def _noted(make: Callable[[str], Table], scene: str) -> Noted[Table]:
    return Noted(make(scene))


def write_noted_tables(
    stage: str,
    out: Path,
    make: Callable[[str], Noted[Table]],
    sizes: Mapping[str, int],
    execution: Execution,
    networks: bool = False,
    unit: str = "image",
) -> LeftOut:
    """The same where some images may be unreadable, and say what was left out.

    A run that goes on makes scenes with unreadable images again: these may be back.

    Args:
        stage: Name of the stage in dvc.yaml.
        out: Output folder.
        make: Picklable function from a scene's name to its table and what was left out.
        sizes: Number of images by scene.
        execution: Engine, workers, and the share of images that may be unreadable.
        networks: Whether `make` runs networks, so that its workers need GPUs.
        unit: What `sizes` counts.

    Returns:
        Names of what was left out, by reason, in the order of the scenes.

    Raises:
        InputError: Too many images are unreadable.
    """
    with resumable_folder(stage, out) as folder:
        tables = UnfinishedTables(folder)
        tables.drop_unreadable(sizes)
        todo = [scene for scene in sizes if not tables.has(scene)]
        results = run_engine(partial(tables.add, make), todo, execution, networks)
        unreadable: list[str] = []
        with closing(counted(results, stage, sizes, unit, todo)) as progress:
            for _, left_out in progress:
                unreadable += left_out.get(UNREADABLE, ())
                refuse_too_many(unreadable, sum(sizes.values()), execution.max_unreadable)
        merged = merge_left_out(tables.left_out(scene) for scene in sizes)
        tables.remove_notes()
    say_what_was_left_out(merged)
    return merged


def map_scenes(
    function: Callable[[str], ResultT],
    scenes: Iterable[str],
    execution: Execution,
    title: str,
    sizes: Mapping[str, int] | None = None,
    networks: bool = False,
) -> dict[str, ResultT]:
    """Apply `function` to every scene.

    Args:
        function: Picklable; its result must depend on the scene alone.
        scenes: Scene names.
        execution: Engine and workers.
        title: What the progress bar says.
        sizes: Number of images by scene, for a bar that counts images.
        networks: Whether `function` runs networks, so that its workers need GPUs.

    Returns:
        Result by scene, in the order of `scenes`.
    """
    names = list(scenes)
    results = run_engine(function, names, execution, networks)
    counts = dict.fromkeys(names, 1) if sizes is None else {name: sizes[name] for name in names}
    unit = "scene" if sizes is None else "image"
    with closing(counted(results, title, counts, unit, names)) as progress:
        done = dict(progress)
    return {name: done[name] for name in names}
