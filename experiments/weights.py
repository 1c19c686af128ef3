"""`python -m experiments.weights NAME`: fetch a model from the Hugging Face hub and pin it.

NAME is a section of params.yaml that has `model` and `revision`, the end of its dotted path, or a
section above such ones. The commit is written into `revision`; one that stands there is fetched and
kept.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx2

from cm3d.errors import InputError
from cm3d.execution.arguments import Arguments
from cm3d.execution.stage import run_program
from cm3d.params import read_yaml
from cm3d.shelf.pretrained import snapshot, workspace_path
from experiments.overrides import PARAMS_FILE, lookup, write_overrides


def sections(values: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """Dotted paths of the sections that name a model and its commit."""
    if {"model", "revision"} <= values.keys():
        yield path
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from sections(value, f"{path}.{key}" if path else key)


def named(values: Mapping[str, Any], name: str) -> list[str]:
    """The sections that a name means: `sam` is `segment.sam.models.sam` and `sam3d.sam`.

    Raises:
        InputError: There is none.
    """
    known = list(sections(values))
    called = [path for path in known if f".{path}".endswith(f".{name}")]
    below = [path for path in known if f".{name}." in f".{path}"]
    if name and (called or below):
        return called or below
    raise InputError(f"MODEL={name}: params.yaml has no such model; there are {', '.join(known)}")


def fetch(model: str, revision: str | None) -> Path:
    """Fetch a model into the hub's cache, at a commit or the newest one.

    Returns:
        Its folder, which has the name of the commit.

    Raises:
        InputError: It is a folder of this machine, or the hub does not hand it out.
    """
    if workspace_path(model).is_dir():
        raise InputError(f"{model}: a folder, which needs no fetching")
    try:
        return snapshot(model, revision or "main", offline=False)
    except (OSError, LookupError, ValueError, httpx2.HTTPError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{model}: not fetched; check name and connection: {reason}") from error


def main() -> None:
    """Fetch and pin what the command line names."""
    parser = Arguments("experiments.weights", __doc__)
    parser.add_argument("name")
    values = read_yaml(PARAMS_FILE)
    for path in named(values, parser.parse_args().name):
        section = lookup(values, path)
        folder = fetch(section["model"], section["revision"])
        write_overrides(PARAMS_FILE, {f"{path}.revision": folder.name})
        print(f"{path}: {section['model']} at {folder.name} is in {folder}")


if __name__ == "__main__":
    run_program(main)
