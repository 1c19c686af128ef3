"""dvc.yaml and dvc.lock as DVC reads them, without loading DVC: stages, and what is up to date."""

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

import yaml

from cm3d.errors import InputError, refused
from cm3d.params.files import refuse_pipe

_REFERENCE: Final = re.compile(r"\$\{([\w.]+)\}")
RESTORE: Final = "restore it with Git"  # what nobody writes by hand
_Loader: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_stages(
    path: Path, parameters: Mapping[str, Any] | None = None
) -> dict[str, dict[str, Any]]:
    """Every stage as dvc.yaml describes it, `foreach` groups written out as `group@member`.

    References (`${...}`) are filled from parameters, and within a group from its `item` and `key`.

    Args:
        path: A dvc.yaml.
        parameters: Nested; None takes those of params.yaml beside it.

    Raises:
        InputError: The file cannot be read, or a reference names nothing.
    """
    params = path.with_name("params.yaml")
    if parameters is None:
        parameters = read_values(params) if params.is_file() else {}
    values = dict(parameters)
    stages: dict[str, dict[str, Any]] = {}
    described = read_values(path, RESTORE).get("stages")
    if not isinstance(described, dict):
        raise InputError(f"{path}: describes no stages; {RESTORE}")
    for name, stage in described.items():
        if not isinstance(stage, dict) or not ("cmd" in stage or {"foreach", "do"} <= stage.keys()):
            raise InputError(f"{path}: stages.{name}: describes no stage; {RESTORE}")
        if "foreach" in stage:
            for key, item in _members(_filled(stage["foreach"], values)).items():
                own = {**values, "key": key, "item": item}
                stages[f"{name}@{key}"] = _filled(stage["do"], own)
        else:
            stages[name] = _filled(stage, values)
    return stages


def file_knobs(path: Path) -> list[str]:
    """The parameters that name a file on which some stage depends, as dotted keys, sorted.

    Args:
        path: A dvc.yaml, where such a parameter is a whole entry, `${lift.shape_prior_file}`.

    Raises:
        InputError: The file cannot be read.
    """
    stages = read_values(path, RESTORE)["stages"].values()
    deps = [stage.get("do", stage).get("deps", []) for stage in stages]
    matches = filter(None, map(_REFERENCE.fullmatch, _texts(deps)))
    found = {match[1] for match in matches}
    return sorted(knob for knob in found if knob.split(".")[0] not in ("item", "key"))


def fresh_stages(project: Path) -> list[str]:
    """The stages of dvc.lock whose outputs belong to the present code, parameters and inputs."""
    return [name for name, reason in stale_reasons(project).items() if reason is None]


def stale_reasons(project: Path) -> dict[str, str | None]:
    """Why each stage of dvc.lock is out of date, None where it is not.

    A stage is up to date if it was run by the command and with the parameters that there are now,
    with the code that is there now, and on the outputs that dvc.lock records of the stages before
    it, which are up to date themselves. Outputs are not read, with two exceptions. A part of an
    output (`data/index/frames`) is compared by DVC's listing in its cache; where that is away, it
    counts as unchanged. A folder that several stages write to (`metrics`) is compared as it is.

    Args:
        project: Folder of dvc.yaml, dvc.lock and params.yaml.

    Raises:
        InputError: There is no dvc.lock.
    """
    lock_file = project / "dvc.lock"
    if not lock_file.is_file():
        raise InputError(f"{lock_file}: missing; run `dvc repro`")
    lock: dict[str, Any] = read_values(lock_file, RESTORE).get("stages") or {}
    stages, values = read_stages(project / "dvc.yaml"), read_values(project / "params.yaml")
    makers = {out: name for name, stage in stages.items() for out in output_paths(stage)}
    made = {out["path"]: out.get("md5") for name in lock for out in lock[name].get("outs", [])}
    own_hash = cache(partial(content_hash, project))
    reasons: dict[str, str | None] = {}

    def reason_of(name: str) -> str | None:
        if name not in reasons:
            reasons[name] = "depends on itself"  # only if dvc.yaml has a circle
            reasons[name] = find_reason(name)
        return reasons[name]

    def find_reason(name: str) -> str | None:
        if name not in stages:
            return "is no stage of dvc.yaml any more"
        if name not in lock:
            return "has not been run"
        if lock[name].get("cmd") != stages[name]["cmd"]:
            return "its command has changed"
        recorded: dict[str, Any] = lock[name].get("params", {}).get("params.yaml", {})
        for knob in knobs_of(stages[name]):
            if knob not in recorded or recorded[knob] != knob_value(values, knob):
                return f"{knob} has changed"
        deps = {dep["path"]: dep.get("md5") for dep in lock[name].get("deps", [])}
        for path in map(os.path.normpath, stages[name].get("deps", [])):
            if path not in deps:
                return f"did not depend on {path}"
            if change := changed(path, deps[path]):
                return change
        return None

    def changed(path: str, md5: str | None) -> str | None:
        """What is newer than a dependency that was read with this hash."""
        around = [out for out in makers if path == out or path.startswith(f"{out}/")]
        before = [*around, *(out for out in makers if out.startswith(f"{path}/"))]
        for maker in dict.fromkeys(makers[out] for out in before):
            if reason_of(maker):
                return f"{maker} is out of date"
        if around:
            out, part = around[0], path[len(around[0]) + 1 :]
            now = part_hash(project, made.get(out), part) if part else made.get(out)
        else:
            now = own_hash(path)
        return f"{path} has changed" if now not in (md5, None) else None

    return {name: reason_of(name) for name in lock}


def strayed(project: Path, paths: Iterable[str]) -> list[str]:
    """The outputs among some paths that are not on disk as dvc.lock records them.

    They are of another revision (`git checkout` without `dvc checkout`), edited, or not there.

    Args:
        project: Folder of dvc.lock.
        paths: Whole outputs, metrics or plots; those that no stage has made are strayed as well.

    Raises:
        InputError: dvc.lock cannot be read.
    """
    lock: dict[str, Any] = read_values(project / "dvc.lock", RESTORE).get("stages") or {}
    made = {out["path"]: out.get("md5") for name in lock for out in lock[name].get("outs", [])}
    return [p for p in paths if made.get(p) is None or content_hash(project, p) != made[p]]


def knobs_of(stage: Mapping[str, Any]) -> list[str]:
    """The parameters that a stage depends on, as dotted keys of params.yaml."""
    return [knob for knob in stage.get("params", []) if isinstance(knob, str)]


def knob_value(values: Any, dotted_key: str) -> Any:
    """What a dotted key of params.yaml stands for.

    Args:
        values: The content of params.yaml, and what else is referred to.
        dotted_key: As `detect2d.min_score`.

    Raises:
        InputError: There is no such key.
    """
    found = values
    for key in dotted_key.split("."):
        if not isinstance(found, Mapping) or key not in found:
            raise InputError(f"params.yaml: no {dotted_key}, which dvc.yaml refers to; restore it")
        found = found[key]
    return found


def output_paths(stage: Mapping[str, Any]) -> list[str]:
    """What a stage writes: outputs, metrics and plots."""
    entries = [entry for kind in ("outs", "metrics", "plots") for entry in stage.get(kind, [])]
    return [path for entry in entries for path in ([entry] if isinstance(entry, str) else entry)]


def part_hash(project: Path, folder_md5: str | None, part: str) -> str | None:
    """Hash of a file or folder within an output, by the listing of the output in DVC's cache."""
    if folder_md5 is None:
        return None
    listing = cached_object(Path(os.environ.get("DVC_ROOT", project)), folder_md5)
    if not listing.is_file():
        return None
    entries = {entry["relpath"]: entry["md5"] for entry in json.loads(listing.read_bytes())}
    if part in entries:
        return str(entries[part])
    inside = {p[len(part) + 1 :]: md5 for p, md5 in entries.items() if p.startswith(f"{part}/")}
    return _listing_hash(inside) if inside else None


def cached_object(project: Path, md5: str) -> Path:
    """Where DVC's cache keeps what has a hash."""
    return project / ".dvc/cache/files/md5" / md5[:2] / md5[2:]


def content_hash(project: Path, path: str) -> str | None:
    """Hash of a file or folder of the project as DVC has it; None where there is none."""
    place = project / path
    if place.is_file():
        return _md5(place.read_bytes())
    if not place.is_dir():
        return None
    files = (p for p in place.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    kept = [p for p in files if p.suffix != ".pyc"]
    return _listing_hash({p.relative_to(place).as_posix(): _md5(p.read_bytes()) for p in kept})


def _listing_hash(md5_of: Mapping[str, str]) -> str:
    entries = [{"md5": md5_of[path], "relpath": path} for path in sorted(md5_of)]
    return f"{_md5(json.dumps(entries, sort_keys=True).encode())}.dir"


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def read_values(path: Path, remedy: str = "correct it") -> dict[str, Any]:
    """The content of a YAML file; empty if there is none in it.

    Args:
        path: The file.
        remedy: What to do if it is broken.

    Raises:
        InputError: The file cannot be read, or holds no mapping.
    """
    refuse_pipe(path, remedy)
    try:
        text = path.read_text(encoding="utf-8-sig")
        content = yaml.load(text, Loader=_Loader) or {}  # noqa: S506 (a safe one)
    except OSError as error:
        raise refused(error, path) from error
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path}: not valid YAML ({reason}); {remedy}") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: not a mapping of keys to values; {remedy}")
    return content


def _members(foreach: list[str] | Mapping[str, Any]) -> Mapping[str, Any]:
    return foreach if isinstance(foreach, Mapping) else dict(zip(foreach, foreach, strict=True))


def _texts(template: Any) -> Iterator[str]:
    """All texts within nested values."""
    if isinstance(template, str):
        yield template
    elif isinstance(template, list | dict):
        for part in template.values() if isinstance(template, dict) else template:
            yield from _texts(part)


def _filled(template: Any, values: Mapping[str, Any]) -> Any:
    fill: Callable[[Any], Any] = partial(_filled, values=values)
    if isinstance(template, str):
        return _REFERENCE.sub(lambda found: str(knob_value(values, found[1])), template)
    if isinstance(template, list):
        return [fill(part) for part in template]
    if isinstance(template, dict):
        return {fill(key): fill(value) for key, value in template.items()}
    return template
