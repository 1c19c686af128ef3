"""What a run will cost before it starts: which stages run, which come from DVC's cache, how long.

The pipeline is walked as DVC would, without running it: a stage comes from the cache where DVC's
run cache, or dvc.lock, has its command, its parameters and the hashes of what it reads, and the
cache has what it wrote. What a stage would write anew is not known, so what follows counts as run.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

from cm3d.errors import InputError
from cm3d.execution.durations import durations, work_of
from cm3d.execution.pipeline import (
    cached_object,
    content_hash,
    knob_value,
    knobs_of,
    output_paths,
    part_hash,
    read_stages,
    read_values,
)


@dataclass(frozen=True)
class Cost:
    """What one run costs.

    Args:
        cached: Stages that come from the cache, in the order of the pipeline.
        shared: Stages that an earlier run of the same forecast will have run.
        to_run: Stages that run, at most: DVC takes later ones from the cache where what they read
            comes out as it was.
        seconds: By stage, of those that have been run on this machine with as much work.
    """

    cached: tuple[str, ...]
    shared: tuple[str, ...]
    to_run: tuple[str, ...]
    seconds: Mapping[str, float]

    @property
    def known_s(self) -> float:
        """How long the stages take that have been run before."""
        return sum(self.seconds.values())

    @property
    def unknown(self) -> tuple[str, ...]:
        """Stages that have not been run with as much work."""
        return tuple(name for name in self.to_run if name not in self.seconds)

    @property
    def stages(self) -> set[str]:
        """All stages that the run needs."""
        return {*self.cached, *self.shared, *self.to_run}


@dataclass
class Forecast:
    """Forecasts of runs that follow each other.

    Args:
        project: Folder of dvc.yaml.
    """

    project: Path = Path()
    _planned: dict[str, dict[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Read what DVC and the stages have noted of past runs."""
        self._past = list(_past_runs(self.project))
        self._own_hash = cache(partial(content_hash, self.project))
        self._took = durations(self.project)

    def cost(self, values: Mapping[str, Any], targets: Iterable[str]) -> Cost:
        """What it costs to run up to some stages, after the runs that were asked for before.

        Args:
            values: All parameters, nested.
            targets: Names of stages.

        Raises:
            InputError: A target is no stage, or dvc.yaml cannot be read.
        """
        stages = read_stages(self.project / "dvc.yaml", values)
        made: dict[str, str] = {}
        cached, shared, to_run = [], [], []
        for name in _needed(stages, targets):
            cmd, deps, knobs = self._identity(stages[name], values, made)
            key = json.dumps([cmd, deps, knobs], sort_keys=True)
            if past := self._find(cmd, deps, knobs):
                cached.append(name)
            elif past := self._planned.get(key):
                shared.append(name)
            else:
                digest = hashlib.sha256(key.encode()).hexdigest()
                past = {path: f"new {digest} {path}" for path in output_paths(stages[name])}
                self._planned[key] = past
                to_run.append(name)
            made |= past
        works = {name: work_of(name, stages, values) for name in to_run}
        seconds = {name: self._took[work] for name, work in works.items() if work in self._took}
        return Cost(tuple(cached), tuple(shared), tuple(to_run), seconds)

    def _identity(
        self, stage: Mapping[str, Any], values: Mapping[str, Any], made: Mapping[str, str]
    ) -> tuple[str, dict[str, str | None], dict[str, Any]]:
        """Command, hashes of what is read by path, and parameters of a stage."""
        paths = {os.path.normpath(path) for path in stage.get("deps", [])}
        knobs = {knob: knob_value(values, knob) for knob in knobs_of(stage)}
        return stage["cmd"], {path: self._hash(path, made) for path in sorted(paths)}, knobs

    def _hash(self, path: str, made: Mapping[str, str]) -> str | None:
        for out, md5 in made.items():
            if path == out:
                return md5
            if path.startswith(f"{out}/"):
                part = path[len(out) + 1 :]
                return f"{md5}/{part}" if " " in md5 else part_hash(self.project, md5, part)
        return self._own_hash(path)

    def _find(
        self, cmd: str, deps: Mapping[str, str | None], knobs: Mapping[str, Any]
    ) -> dict[str, str] | None:
        """What a past run of the same wrote, by path, if all of it is in the cache."""
        for past in self._past:
            if past.get("cmd") != cmd or past.get("params", {}).get("params.yaml", {}) != knobs:
                continue
            if {dep["path"]: dep.get("md5") for dep in past.get("deps", [])} != deps:
                continue
            outs = {out["path"]: out.get("md5", "") for out in past.get("outs", [])}
            if all(cached_object(self.project, md5).is_file() for md5 in outs.values()):
                return outs
        return None


def _needed(stages: Mapping[str, Mapping[str, Any]], targets: Iterable[str]) -> list[str]:
    """Targets and what they need, each after what it reads.

    Raises:
        InputError: A target is no stage.
    """
    makers = {out: name for name, stage in stages.items() for out in output_paths(stage)}
    order: list[str] = []

    def visit(name: str) -> None:
        if name not in stages:
            raise InputError(f"target {name}: dvc.yaml has no such stage; correct it")
        if name in order:
            return
        for path in map(os.path.normpath, stages[name].get("deps", [])):
            for out, maker in makers.items():
                if path == out or path.startswith(f"{out}/"):
                    visit(maker)
        order.append(name)

    for target in targets:
        visit(target)
    return order


def _past_runs(project: Path) -> Iterable[Mapping[str, Any]]:
    """Runs that DVC knows of, the newest first: those of its run cache, and dvc.lock."""
    kept = [path for path in (project / ".dvc/cache/runs").glob("??/*/*") if path.is_file()]
    for path in sorted(kept, key=lambda path: path.stat().st_mtime, reverse=True):
        try:
            yield read_values(path)
        except InputError:
            continue  # DVC drops what is cut off, too
    lock = project / "dvc.lock"
    if lock.is_file():
        yield from (read_values(lock).get("stages") or {}).values()


def describe(costs: Sequence[Cost], *, named: bool = True) -> str:
    """How long some runs take together, as far as past runs say it.

    Args:
        costs: Of the runs.
        named: Whether the stages are named of which there is no past run.
    """
    if not any(cost.to_run for cost in costs):
        return "nothing more to compute"
    unknown = [name.partition("@")[0] for cost in costs for name in cost.unknown]
    if not unknown:
        return minutes(sum(cost.known_s for cost in costs))
    names = f" (no past run of {', '.join(dict.fromkeys(unknown))} with as much to do)"
    known_s = sum(cost.known_s for cost in costs)
    known = f"at least {minutes(known_s).removeprefix('about ')}" if known_s else "unknown"
    return f"{known}{names if named else ''}"


def minutes(seconds: float) -> str:
    """A length of time for people."""
    if seconds < 90:
        return f"about {seconds:.0f} s"
    return f"about {seconds / 60:.0f} min" if seconds < 7200 else f"about {seconds / 3600:.1f} h"
