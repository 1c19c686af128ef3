"""Where parts work: a clone that was reproduced once, and copies of it to be ill-treated."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from trust.clone import Clone, clean_environment, fill
from trust.kinds import Kind


@dataclass(frozen=True)
class Workplace:
    """A temporary folder.

    Args:
        root: Of all that is in it.
        base: The clone at the scale of the preset `smoke` after `dvc repro`; nobody changes it.
        short: Whether parts make few repetitions.
    """

    root: Path
    base: Clone
    short: bool

    def copy(self, name: str, place: Path | None = None) -> Clone:
        """A new copy of the base, below `place` instead of the workplace where it is given."""
        return self.base.copied_to((place or self.root) / name)

    def scratch(self, name: str) -> Path:
        """A new folder for temporary files; its path is short, as sockets want it."""
        folder = self.root / f"s-{name}"
        folder.mkdir()
        return folder


@contextmanager
def open_workplace(short: bool, kept: Path | None = None) -> Iterator[Workplace]:
    """Make the base, and remove everything at the end.

    Args:
        short: As of `Workplace`.
        kept: A clone that was reproduced at smoke scale before, taken as the base.
    """
    with tempfile.TemporaryDirectory(prefix="cm3d-trust-") as folder:
        root = Path(folder)
        environment = clean_environment(root / "home")
        if kept is not None:
            yield Workplace(root, Clone(kept.resolve(), environment), short)
            return
        base = Clone(root / "base", environment)
        fill(base)
        base.dvc("repro")
        yield Workplace(root, base, short)


def restore(place: Workplace, clone: Clone, kind: Kind) -> None:
    """Bring the outputs of a stage back to what they are in the base, its work folder away."""
    shutil.rmtree(clone.root / ".cache", ignore_errors=True)
    names = kind.outputs if kind.outputs else ("mlflow.db", "mlartifacts")
    for source, target in ((place.base.root / name, clone.root / name) for name in names):
        if target.is_dir():
            shutil.rmtree(target)
        target.unlink(missing_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, symlinks=True)
        elif source.is_file():
            shutil.copy2(source, target)
