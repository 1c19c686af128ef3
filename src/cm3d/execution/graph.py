"""The stages of dvc.yaml by the names that DVC gives them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml


def read_stages(path: Path) -> dict[str, dict[str, Any]]:
    """Every stage as dvc.yaml describes it, `foreach` groups written out as `group@member`.

    Args:
        path: A dvc.yaml whose groups refer to `${item}`, and to `${key}` where they map names.
    """
    stages: dict[str, dict[str, Any]] = {}
    for name, stage in yaml.safe_load(path.read_text())["stages"].items():
        if "foreach" in stage:
            members = _members(stage["foreach"])
            stages |= {f"{name}@{key}": _filled(stage["do"], key, members[key]) for key in members}
        else:
            stages[name] = stage
    return stages


def _members(foreach: list[str] | Mapping[str, str]) -> Mapping[str, str]:
    return foreach if isinstance(foreach, Mapping) else dict(zip(foreach, foreach, strict=True))


def _filled(template: Any, key: str, item: str) -> Any:
    if isinstance(template, str):
        return template.replace("${key}", key).replace("${item}", item)
    if isinstance(template, list):
        return [_filled(part, key, item) for part in template]
    if isinstance(template, dict):
        return {_filled(k, key, item): _filled(v, key, item) for k, v in template.items()}
    return template
