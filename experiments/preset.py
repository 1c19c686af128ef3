"""`python -m experiments.preset NAME [NAME ...]`: presets as arguments of `dvc exp run`.

    dvc exp run $(PYTHONPATH=src python -m experiments.preset smoke bevfusion_c)

Of several, the later ones win. A terminal shows one override a line, to be read or copied. With
`--write` it changes params.yaml in place and keeps its comments.
"""

import sys
from collections.abc import Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any, Final

from cm3d.errors import InputError
from cm3d.execution.arguments import Arguments
from cm3d.execution.stage import run_program
from cm3d.params import read_yaml
from experiments.overrides import PARAMS_FILE, as_words, checked_overrides, write_overrides

PRESETS_FILE: Final = Path(__file__).with_name("presets.yaml")

# The key under which a preset names those that it builds on.
_BASES: Final = "presets"


def load_preset(name: str, path: Path = PRESETS_FILE) -> dict[str, Any]:
    """The overrides of one preset by dotted path, on those of the presets that it builds on.

    Raises:
        InputError: There is no such preset, or it is no mapping of dotted paths.
    """
    presets = read_yaml(path)
    if name not in presets:
        there = ", ".join(map(str, presets))
        raise InputError(f"{path.name}: no preset {name!r}; there are {there}")
    own, where = presets[name], f"{path.name}: {name}"
    bases = own.pop(_BASES, []) if isinstance(own, dict) else []
    if not isinstance(bases, list) or not set(map(str, bases)) <= _above(name, presets):
        raise InputError(
            f"{where}.{_BASES}: {bases!r} is no list of presets further up; correct it"
        )
    return load_presets(bases, path) | checked_overrides(own, where)


def load_presets(names: Sequence[str], path: Path = PRESETS_FILE) -> dict[str, Any]:
    """The overrides of several presets, of which the later ones win.

    Raises:
        InputError: See `load_preset`.
    """
    overrides: dict[str, Any] = {}
    for name in names:
        overrides |= load_preset(name, path)
    return overrides


def for_eyes(words: str) -> str:
    """Arguments in bash's grammar, one override a line, for a terminal."""
    return words.replace(" -S ", " \\\n-S ")


def _above(name: str, presets: Mapping[str, Any]) -> set[str]:
    return set(takewhile(lambda other: other != name, presets))


def main() -> None:
    """Print or apply the presets named on the command line."""
    parser = Arguments("experiments.preset", __doc__)
    parser.add_argument("names", nargs="+", metavar="NAME")
    parser.add_argument("--write", action="store_true", help="write it into params.yaml")
    arguments = parser.parse_args()
    overrides = load_presets(arguments.names)
    if arguments.write:
        write_overrides(PARAMS_FILE, overrides)
    else:
        print(for_eyes(as_words(overrides)) if sys.stdout.isatty() else as_words(overrides))


if __name__ == "__main__":
    run_program(main)
