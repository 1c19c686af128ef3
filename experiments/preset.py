"""`python -m experiments.preset NAME [NAME ...]`: presets as arguments of `dvc exp run`.

    dvc exp run $(PYTHONPATH=src python -m experiments.preset paper centerpoint_voxel_0075)

Of several, the later ones win. With `--write` it changes params.yaml in place and keeps its
comments.
"""

import argparse
from pathlib import Path
from typing import Any, Final

from cm3d.errors import InputError
from cm3d.params import read_yaml
from experiments.overrides import PARAMS_FILE, as_words, checked_overrides, write_overrides

PRESETS_FILE: Final = Path(__file__).with_name("presets.yaml")


def load_preset(name: str, path: Path = PRESETS_FILE) -> dict[str, Any]:
    """The overrides of one preset by dotted path.

    Raises:
        InputError: There is no such preset, or it is no mapping of dotted paths.
    """
    presets = read_yaml(path)
    if name not in presets:
        there = ", ".join(map(str, presets))
        raise InputError(f"{path.name}: no preset {name!r}; there are {there}")
    return checked_overrides(presets[name], f"{path.name}: {name}")


def main() -> None:
    """Print or apply the presets named on the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="+", metavar="NAME")
    parser.add_argument("--write", action="store_true", help="write it into params.yaml")
    arguments = parser.parse_args()
    try:
        overrides: dict[str, Any] = {}
        for name in arguments.names:
            overrides |= load_preset(name)
        if arguments.write:
            write_overrides(PARAMS_FILE, overrides)
        else:
            print(as_words(overrides))
    except InputError as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    main()
