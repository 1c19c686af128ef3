"""The kinds of stages: one of each script and scorer, since rounds and models repeat the same."""

import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from cm3d.execution.pipeline import output_paths, read_stages
from trust.clone import PROJECT


@dataclass(frozen=True)
class Kind:
    """A stage that stands for others.

    Args:
        name: Of the stage in dvc.yaml.
        module: Its script, as `stages.lift`.
        arguments: Of the script.
        outputs: All that it writes, relative to the project's root.
    """

    name: str
    module: str
    arguments: tuple[str, ...]
    outputs: tuple[str, ...]

    @property
    def command(self) -> tuple[str, ...]:
        """To be run in the project's root with PYTHONPATH=src."""
        return (sys.executable, "-m", self.module, *self.arguments)

    @property
    def trains(self) -> bool:
        """Whether it trains a detector."""
        return self.module.split(".")[1] in ("pretrain", "finetune", "finetune_map", "selftrain")

    @property
    def works_by_scene(self) -> bool:
        """Whether engines and workers of `execution` reach it."""
        return not self.trains and self.module.split(".")[1] not in ("import_labels", "track")


@cache
def all_kinds() -> tuple[Kind, ...]:
    """One stage of each kind, in the order of dvc.yaml."""
    found: dict[tuple[str, ...], Kind] = {}
    for name, stage in read_stages(PROJECT / "dvc.yaml").items():
        kind = _kind(name, stage)
        # scorers are guests of one script
        key = (kind.module, *kind.arguments[:1]) if "evaluate" in kind.module else (kind.module,)
        found.setdefault(key, kind)
    return tuple(found.values())


def kind_of(name: str) -> Kind:
    """The stage of this name in dvc.yaml, also where it is no kind of its own."""
    return _kind(name, read_stages(PROJECT / "dvc.yaml")[name])


def _kind(name: str, stage: Mapping[str, Any]) -> Kind:
    words = shlex.split(stage["cmd"])
    at = words.index("-m")
    return Kind(
        name,
        words[at + 1],
        tuple(words[at + 2 :]),
        tuple(output_paths(stage)),
    )
