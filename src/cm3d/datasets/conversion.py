"""Sensor files that `download` makes of a data set's own, once for all experiments.

A drive is finished where its mark says so: a JSON file of what its files were made from and how
large they are. What an interrupted run had begun is made again.
"""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cm3d.errors import writing
from cm3d.execution.files import sync, write_whole


@dataclass(frozen=True, eq=False)
class Conversion:
    """The files of one drive.

    Args:
        root: Folder that the places of files start from.
        mark: What says that the drive is finished.
        sources: What its files are made from, for JSON; others have them made again.
        sizes: Bytes of the files written so far, by place.
    """

    root: Path
    mark: Path
    sources: Mapping[str, Any]
    sizes: dict[str, int] = field(default_factory=dict)

    def finished(self) -> list[int] | None:
        """What was left out of a drive whose files are all there; None if it is not finished."""
        try:
            content = json.loads(self.mark.read_bytes())
            sizes = {place: (self.root / place).stat().st_size for place in content["files"]}
            if content["sources"] != self.sources or sizes != content["files"]:
                return None
            return [int(left) for left in content["left_out"]]
        except (OSError, ValueError, KeyError, TypeError):
            return None  # no such file, or a damaged one

    def begin(self) -> None:
        """Take the mark away.

        Raises:
            InputError: It cannot be removed.
        """
        with writing(self.mark):
            self.mark.unlink(missing_ok=True)

    def write(self, place: str, content: bytes) -> None:
        """Write one file at once, since another process may convert the same drive.

        Raises:
            InputError: It cannot be written.
        """
        path = self.root / place
        partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            partial.write_bytes(content)
            partial.replace(path)
        self.sizes[place] = len(content)

    def finish(self, folders: Iterable[Path], left_out: Sequence[int] = ()) -> None:
        """Bring folders of its files to the disk, then set the mark.

        Args:
            folders: Those that are not there are passed over.
            left_out: Numbers of what no file was made of.

        Raises:
            InputError: The disk takes no more.
        """
        for folder in folders:
            with writing(folder):
                if folder.is_dir():
                    sync(folder)
        content = {"sources": self.sources, "left_out": left_out, "files": self.sizes}
        write_whole(self.mark, json.dumps(content).encode())
