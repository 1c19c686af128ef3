"""The tables of a stage that is not done yet, and what was left out of them."""

import json
import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from cm3d.execution.files import write_json
from cm3d.tables.noted import UNREADABLE, LeftOut, Noted
from cm3d.tables.table import Table


@dataclass(frozen=True)
class UnfinishedTables:
    """One Parquet file per scene in a folder, notes in another beside it.

    Args:
        folder: Of the tables; it becomes the stage's output.
    """

    folder: Path

    @property
    def notes(self) -> Path:
        """What was left out, one JSON file per scene; never part of the stage's output."""
        return self.folder.with_name(f"{self.folder.name}.notes")

    def has(self, scene: str) -> bool:
        """Whether the scene is finished: its note comes first, its table last."""
        return self._note(scene).exists() and self._table(scene).exists()

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
            noted.table.write(table)
            note.replace(self._note(scene))
            table.replace(self._table(scene))
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
                self._table(scene).unlink()

    def remove_notes(self) -> None:
        """Remove what is not the stage's output."""
        shutil.rmtree(self.notes, ignore_errors=True)

    def _table(self, scene: str) -> Path:
        return self.folder / f"{scene}.parquet"

    def _note(self, scene: str) -> Path:
        return self.notes / f"{scene}.json"
