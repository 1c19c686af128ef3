"""`python -m experiments.preset NAME [NAME ...]`: presets as arguments of `dvc exp run`.

Of several, the later ones win. With `--write` it changes params.yaml in place and keeps its
comments.
"""

import argparse
import shlex
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML

from cm3d.errors import InputError
from cm3d.params import parse_params, read_yaml
from experiments.overrides import as_arguments, lookup, with_overrides

PRESETS_FILE: Final = Path(__file__).with_name("presets.yaml")
PARAMS_FILE: Final = Path("params.yaml")


def load_preset(name: str, path: Path = PRESETS_FILE) -> dict[str, Any]:
    """The overrides of one preset by dotted path.

    Raises:
        InputError: There is no such preset.
    """
    presets = read_yaml(path)
    if name not in presets:
        raise InputError(f"{path.name}: no preset {name!r}; there are {', '.join(presets)}")
    return dict(presets[name])


def write_overrides(path: Path, overrides: dict[str, Any]) -> None:
    """Apply overrides to a parameter file, comments kept.

    Raises:
        InputError: A path is not there, or the outcome is not valid.
    """
    parse_params(with_overrides(read_yaml(path), overrides), source=str(path))
    yaml = _round_trip()
    content = yaml.load(path.read_text())
    for dotted, value in overrides.items():
        *parents, leaf = dotted.split(".")
        section = lookup(content, ".".join(parents)) if parents else content
        _exchange(section, leaf, value)
    with path.open("w") as file:
        yaml.dump(content, file)


def _exchange(section: Any, leaf: str, value: Any) -> None:
    """Lists are changed in place, so that they stay on one line."""
    if isinstance(value, list):
        section[leaf][:] = value
    else:
        section[leaf] = value


def _round_trip() -> YAML:
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.representer.add_representer(
        type(None),
        lambda representer, _: representer.represent_scalar("tag:yaml.org,2002:null", "null"),
    )
    return yaml


def main() -> None:
    """Print or apply the presets named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
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
            print(shlex.join(as_arguments(overrides)))
    except InputError as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    main()
