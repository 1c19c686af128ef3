"""Run one function per scene, by any engine, with progress and without doing anything twice."""

import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from cm3d.errors import InputError
from cm3d.execution.files import write_json
from cm3d.execution.processes import run_engine
from cm3d.execution.progress import counted
from cm3d.execution.resume import resumable_folder
from cm3d.params import Execution
from cm3d.tables.noted import UNREADABLE, LeftOut, Noted, merge_left_out
from cm3d.tables.table import Table

ResultT = TypeVar("ResultT")

_NAMED: Final = 5


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
    beside: Sequence[Path] = (),
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
        beside: Output folders of the further tables that `make` gives, in their order.

    Returns:
        Names of what was left out, by reason, in the order of the scenes.

    Raises:
        InputError: Too many images are unreadable.
    """
    with ExitStack() as stack:
        folders = [stack.enter_context(resumable_folder(stage, path)) for path in (*beside, out)]
        tables = UnfinishedTables(folders[-1], tuple(folders[:-1]))
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


@dataclass(frozen=True)
class UnfinishedTables:
    """One Parquet file per scene in a folder, notes in another beside it.

    Args:
        folder: Of the tables; it becomes the stage's output.
        beside: Of further tables of each scene; they become outputs too.
    """

    folder: Path
    beside: tuple[Path, ...] = ()

    @property
    def notes(self) -> Path:
        """What was left out, one JSON file per scene; never part of the stage's output."""
        return self.folder.with_name(f"{self.folder.name}.notes")

    def has(self, scene: str) -> bool:
        """Whether the scene is finished: its note comes first, its table last."""
        return self._note(scene).exists() and all(p.exists() for p in self._tables(scene))

    def add(self, make: Callable[[str], Noted[Table]], scene: str) -> LeftOut:
        """Make and write a scene's table, unless it is there; returns what was left out.

        A task that is run again because its worker seemed dead may write beside the first one:
        each attempt has its own folder, and the table comes last and at once.
        """
        if not self.has(scene):
            noted = make(scene)
            self.notes.mkdir(parents=True, exist_ok=True)
            attempt = Path(tempfile.mkdtemp(prefix=f"{scene}-", dir=self.notes))
            note, table = attempt / "note.json", attempt / "table.parquet"
            write_json(note, noted.left_out)
            note.replace(self._note(scene))
            for made, path in zip((*noted.beside, noted.table), self._tables(scene), strict=True):
                made.write(table)
                table.replace(path)
            attempt.rmdir()
        return self.left_out(scene)

    def left_out(self, scene: str) -> LeftOut:
        """Names of what was left out of a finished scene, by reason."""
        content = json.loads(self._note(scene).read_text())
        return {reason: tuple(names) for reason, names in content.items()}

    def drop_unreadable(self, scenes: Iterable[str]) -> None:
        """Forget scenes that lack images: these may be readable by now."""
        for scene in scenes:
            if self.has(scene) and self.left_out(scene).get(UNREADABLE):
                self._tables(scene)[-1].unlink()

    def remove_notes(self) -> None:
        """Remove what is not the stage's output."""
        shutil.rmtree(self.notes, ignore_errors=True)

    def _tables(self, scene: str) -> list[Path]:
        return [folder / f"{scene}.parquet" for folder in (*self.beside, self.folder)]

    def _note(self, scene: str) -> Path:
        return self.notes / f"{scene}.json"


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
