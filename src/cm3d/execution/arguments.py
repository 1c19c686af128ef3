"""Command lines of stages and other programs: what is wrong with them in one line."""

import argparse
import difflib
from pathlib import Path
from typing import NoReturn

from cm3d.errors import InputError
from cm3d.execution.pipeline import read_stages


class Arguments(argparse.ArgumentParser):
    """A parser whose complaints are bad input.

    Args:
        program: As `python -m` is given it.
        description: Shown by `--help` as it stands.
    """

    def __init__(self, program: str, description: str | None) -> None:
        """Parse the arguments of a program."""
        super().__init__(
            prog=program,
            description=description,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    def error(self, message: str) -> NoReturn:
        """Refuse.

        Raises:
            InputError: Always.
        """
        raise InputError(f"{self.prog}: {message}; see `python -m {self.prog} --help`")


def member_of(group: str, name: str, project: Path = Path()) -> str:
    """A name of a command line that is one of a group of dvc.yaml.

    Args:
        group: As `evaluate`.
        name: As `lifted`; stages write to paths of this name.
        project: Folder of dvc.yaml.

    Raises:
        InputError: The group has no such member.
    """
    stages = read_stages(project / "dvc.yaml")
    names = [stage.removeprefix(f"{group}@") for stage in stages if stage.startswith(f"{group}@")]
    if name not in names:
        close = difflib.get_close_matches(name, names, 1)
        meant = f"did you mean {close[0]}" if close else f"choose of {', '.join(names)}"
        stage = f"{group}@{name[:60]}"
        stage = stage if stage.isprintable() else repr(stage)
        raise InputError(f"stages.{group}: dvc.yaml has no {stage}; {meant}")
    return name
