"""Where a run comes from: experiment name, commit, and what dvc.lock says was made."""

import hashlib
import json
import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from cm3d.errors import InputError

_TRACKED_OUTS = ("data/pseudo_labels", "data/models")


@dataclass(frozen=True)
class Provenance:
    """What ties a run to the repository.

    Args:
        experiment: Name given by `dvc exp run`, else `workspace`.
        lock_md5: Digest of the finished stages in dvc.lock.
        tags: All of it as MLflow tags, with the hashes of labels and models.
    """

    experiment: str
    lock_md5: str
    tags: dict[str, str]

    @property
    def run_name(self) -> str:
        """The experiment's name; a run of the workspace is told apart by its lock."""
        named = self.experiment != "workspace"
        return self.experiment if named else f"workspace-{self.lock_md5[:7]}"


def read_provenance(workspace: Path, outs: Iterable[str] = _TRACKED_OUTS) -> Provenance:
    """Gather it from the environment that DVC sets, Git, and dvc.lock.

    Args:
        workspace: Folder of dvc.lock; a temporary copy in `dvc exp run --temp`.
        outs: Prefixes of the outputs whose hashes become tags.

    Raises:
        InputError: dvc.lock is missing or broken.
    """
    stages = _stages_with_outs(workspace / "dvc.lock")
    experiment = os.environ.get("DVC_EXP_NAME") or "workspace"
    digest = hashlib.md5(json.dumps(stages, sort_keys=True).encode(), usedforsecurity=False)
    tags = {
        "dvc.exp": experiment,
        "dvc.baseline_rev": os.environ.get("DVC_EXP_BASELINE_REV", ""),
        "git.commit": _head(workspace),
        "dvc.lock.md5": digest.hexdigest(),
        **_out_hashes(stages, tuple(outs)),
    }
    return Provenance(
        experiment, digest.hexdigest(), {name: text for name, text in tags.items() if text}
    )


def _stages_with_outs(lock: Path) -> dict[str, Any]:
    """Stages of dvc.lock; those without outputs, as tracking itself, would change the digest."""
    try:
        content = yaml.safe_load(lock.read_text())
        stages: dict[str, Any] = content["stages"]
        return {name: stage for name, stage in stages.items() if stage.get("outs")}
    except OSError as error:
        raise InputError(f"{lock}: missing; track runs within `dvc repro`") from error
    except (yaml.YAMLError, TypeError, KeyError, AttributeError) as error:
        raise InputError(f"{lock}: not a DVC lock file; restore it with Git") from error


def _out_hashes(stages: dict[str, Any], prefixes: tuple[str, ...]) -> dict[str, str]:
    return {
        f"dvc.out.{out['path']}": str(out.get("md5", ""))
        for stage in stages.values()
        for out in stage["outs"]
        if str(out["path"]).startswith(prefixes)
    }


def _head(workspace: Path) -> str:
    """Commit that is checked out; empty outside Git."""
    command = ["git", "-C", str(workspace), "rev-parse", "HEAD"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return result.stdout.strip() if result.returncode == 0 else ""
