"""Run one function per scene, by any engine, with progress and without doing anything twice."""

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from cm3d.errors import InputError, writing
from cm3d.execution.files import sync, write_json
from cm3d.execution.processes import run_engine
from cm3d.execution.progress import counted
from cm3d.params import Execution
from cm3d.tables.noted import UNREADABLE, LeftOut, Noted, merge_left_out
from cm3d.tables.table import Table

ResultT = TypeVar("ResultT")

_NAMED: Final = 5


def write_scene_tables(
    title: str,
    folder: Path,
    make: Callable[[str], Table],
    scenes: Iterable[str],
    execution: Execution,
    networks: bool = False,
) -> None:
    """Write `<folder>/<scene>.parquet` for every scene that is not there.

    Args:
        title: What the progress bar says.
        folder: Of a publication, so that an interrupted run goes on where it stopped.
        make: Picklable function from a scene's name to its table.
        scenes: Scene names.
        execution: Engine and workers; the bytes written do not depend on them.
        networks: Whether `make` runs networks, so that its workers need GPUs.
    """
    sizes = dict.fromkeys(scenes, 1)
    write_noted_tables(title, folder, partial(_noted, make), sizes, execution, networks, "scene")


def _noted(make: Callable[[str], Table], scene: str) -> Noted[Table]:
    return Noted(make(scene))


def write_noted_tables(
    title: str,
    folder: Path,
    make: Callable[[str], Noted[Table]],
    sizes: Mapping[str, int],
    execution: Execution,
    networks: bool = False,
    unit: str = "image",
    beside: Sequence[Path] = (),
    splits: Mapping[str, str] | None = None,
    images: int | None = None,
) -> LeftOut:
    """The same where some images may be unreadable, and say what was left out.

    A run that goes on makes scenes with unreadable images again: these may be back. So it does
    with those whose tables were damaged, as by a power failure.

    Args:
        title: What the progress bar says.
        folder: Of a publication.
        make: Picklable function from a scene's name to its table and what was left out.
        sizes: Number of images by scene.
        execution: Engine, workers, and the share of images that may be unreadable.
        networks: Whether `make` runs networks, so that its workers need GPUs.
        unit: What `sizes` counts.
        beside: Folders of the further tables that `make` gives, in their order.
        splits: Of each scene, to say where nothing at all of a split can be read.
        images: How many there are in all; None: `sizes` counts them.

    Returns:
        Names of what was left out, by reason, in the order of the scenes.

    Raises:
        InputError: Too many images are unreadable.
    """
    tables = UnfinishedTables(folder, tuple(beside))
    tables.drop_unreadable(sizes)
    done = {scene: told for scene in sizes if (told := tables.finished(scene)) is not None}
    todo = [scene for scene in sizes if scene not in done]
    results = run_engine(partial(tables.add, make), todo, execution, networks)
    unreadable: list[str] = []
    with closing(counted(results, title, sizes, unit, todo)) as progress:
        for scene, left_out in progress:
            done[scene] = left_out
            unreadable += left_out.get(UNREADABLE, ())
            refuse_too_many(unreadable, images or sum(sizes.values()), execution.max_unreadable)
    merged = merge_left_out(done[scene] for scene in sizes)
    say_what_was_left_out(merged)
    say_blank_splits(
        title,
        {name: len(told.get(UNREADABLE, ())) for name, told in done.items()},
        sizes,
        splits or {},
    )
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

    def finished(self, scene: str) -> LeftOut | None:
        """Names of what was left out of a finished scene, by reason; None where it is unfinished.

        A scene is finished if its tables are those that its note has the digests of.
        """
        try:
            note = json.loads(self._note(scene).read_bytes())
            if note["sha256"] != [_digest(path) for path in self._tables(scene)]:
                return None
            return {reason: tuple(names) for reason, names in note["left_out"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None  # no such file, or a damaged one

    def add(self, make: Callable[[str], Noted[Table]], scene: str) -> LeftOut:
        """Make and write a scene's table, unless it is there; returns what was left out.

        A task that is run again because its worker seemed dead may write beside the first one:
        each attempt has its own folder, and the table comes last and at once.
        """
        if (told := self.finished(scene)) is not None:
            return told
        noted, tables = make(scene), self._tables(scene)
        with writing(self.notes):
            self.notes.mkdir(parents=True, exist_ok=True)
            attempt = Path(tempfile.mkdtemp(prefix=f"{scene}-", dir=self.notes))
            made = [attempt / str(number) for number in range(len(tables))]
            for table, path in zip((*noted.beside, noted.table), made, strict=True):
                table.write(path)
                sync(path)
            note = {"left_out": noted.left_out, "sha256": [_digest(path) for path in made]}
            write_json(attempt / "note", note)
            for path, target in zip(
                (attempt / "note", *made), (self._note(scene), *tables), strict=True
            ):
                target.parent.mkdir(parents=True, exist_ok=True)
                path.replace(target)
            attempt.rmdir()
        return noted.left_out

    def drop_unreadable(self, scenes: Iterable[str]) -> None:
        """Forget scenes that lack images: these may be readable by now."""
        for scene in scenes:
            if (self.finished(scene) or {}).get(UNREADABLE):
                self._note(scene).unlink()

    def _tables(self, scene: str) -> list[Path]:
        return [folder / f"{scene}.parquet" for folder in (*self.beside, self.folder)]

    def _note(self, scene: str) -> Path:
        return self.notes / f"{scene}.json"


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


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


def say_blank_splits(
    title: str, unreadable: Mapping[str, int], sizes: Mapping[str, int], splits: Mapping[str, str]
) -> None:
    """Print one line per split none of whose images can be read: what is made of it is empty.

    Args:
        title: Name of the stage.
        unreadable: Number of unreadable images by scene.
        sizes: Number of images by scene.
        splits: By scene.
    """
    for split in dict.fromkeys(splits.values()):
        scenes = [scene for scene in sizes if splits[scene] == split]
        images = sum(sizes[scene] for scene in scenes)
        if images and images == sum(unreadable[scene] for scene in scenes):
            print(
                f"note: {title}: none of the {images} images of split {split} can be read, so that "
                f"nothing is found there; restore them and run `dvc repro -f -s {title}`"
            )


def say_what_was_left_out(left_out: LeftOut) -> None:
    """Print one line per reason: how many, and the names of the first few."""
    for reason, names in left_out.items():
        if not names:
            continue
        distinct = list(dict.fromkeys(names))
        more = ", ..." if len(distinct) > _NAMED else ""
        print(f"note: left out {len(names)} {reason}: {', '.join(distinct[:_NAMED])}{more}")
