"""Where a run and its figures come from: experiment, commit, and what dvc.lock says was made."""

import hashlib
import json
import os
import subprocess
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from cm3d.errors import InputError
from cm3d.execution.pipeline import RESTORE, read_values

_TAGGED_OUTS: Final = ("data/index", "data/pseudo_labels", "data/imported", "data/models")


@dataclass(frozen=True)
class Provenance:
    """What ties a run to the repository.

    Args:
        experiment: Name given by `dvc exp run` or the user, else `workspace`.
        lock_md5: Digest of the run's stages in dvc.lock.
        tags: All of it as MLflow tags, with the hashes of data set, labels and models.
    """

    experiment: str
    lock_md5: str
    tags: dict[str, str]

    @property
    def run_name(self) -> str:
        """The experiment's name; a run of the workspace is told apart by its lock."""
        named = self.experiment != "workspace"
        return self.experiment if named else f"workspace-{self.lock_md5[:7]}"


def read_provenance(
    workspace: Path, stages: Collection[str], name: str | None = None
) -> Provenance:
    """Gather it from the environment that DVC sets, Git, and dvc.lock.

    Args:
        workspace: Folder of dvc.lock; a temporary copy in `dvc exp run --temp`.
        stages: Those of dvc.lock that the run is about; others may be older than their inputs.
        name: Of the experiment, where DVC has given it none.

    Raises:
        InputError: dvc.lock is missing or broken, or none of the stages is in it.
    """
    lock = workspace / "dvc.lock"
    recorded = {key: stage for key, stage in _stages_with_outs(lock).items() if key in stages}
    if not recorded:
        raise InputError(f"{lock}: no stage agrees with params.yaml; run `dvc repro STAGE` first")
    experiment = os.environ.get("DVC_EXP_NAME") or name or "workspace"
    digest = hashlib.md5(json.dumps(recorded, sort_keys=True).encode(), usedforsecurity=False)
    head = _head(workspace)
    tags = {
        "dvc.exp": experiment,
        "dvc.baseline_rev": os.environ.get("DVC_EXP_BASELINE_REV", ""),
        "git.commit": head,
        "mlflow.source.name": "dvc.yaml",
        "mlflow.source.git.commit": head,  # where MLflow's own pages look for it
        "dvc.lock.md5": digest.hexdigest(),
        **{
            f"dvc.out.{out['path']}": str(out.get("md5", ""))
            for stage in recorded.values()
            for out in stage["outs"]
            if str(out["path"]).startswith(_TAGGED_OUTS)
        },
    }
    return Provenance(
        experiment, digest.hexdigest(), {key: text for key, text in tags.items() if text}
    )


def files_of_stages(
    workspace: Path, folder: Path, stages: Collection[str]
) -> tuple[list[Path], list[str]]:
    """Files that some stages have made, as dvc.lock has them, and to whom the others belong.

    Args:
        workspace: Folder of dvc.lock.
        folder: Where to look, relative to it.
        stages: Those that count.

    Returns:
        Files relative to the workspace, and for the rest the names of the other stages that made
        them, or their paths where no stage did or they have changed since.

    Raises:
        InputError: dvc.lock is missing or broken.
    """
    outs = {
        out["path"]: (name, out.get("md5"))
        for name, stage in _stages_with_outs(workspace / "dvc.lock").items()
        for out in stage["outs"]
    }
    kept, left_out = [], []
    files = (path for path in (workspace / folder).rglob("*") if path.is_file())
    for file in sorted(file for file in files if file.name != ".gitignore"):
        path = file.relative_to(workspace)
        stage, md5 = outs.get(path.as_posix(), (path.as_posix(), None))
        if stage not in stages:
            left_out.append(stage)
        elif md5 == hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest():
            kept.append(path)
        else:
            left_out.append(path.as_posix())
    return kept, list(dict.fromkeys(left_out))


def _stages_with_outs(lock: Path) -> dict[str, Any]:
    """Stages of dvc.lock; those without outputs, as `track` itself, would change the digest."""
    if not lock.is_file():
        raise InputError(f"{lock}: missing; run `dvc repro`")
    try:
        stages: dict[str, Any] = read_values(lock, RESTORE)["stages"]
        return {name: stage for name, stage in stages.items() if stage.get("outs")}
    except (TypeError, KeyError, AttributeError) as error:
        raise InputError(f"{lock}: not a DVC lock file; {RESTORE}") from error


def committed_params(workspace: Path) -> dict[str, Any] | None:
    """Content of params.yaml at the commit that is checked out; None where there is none."""
    try:
        content = yaml.safe_load(_git(workspace, "show", "HEAD:./params.yaml"))
    except yaml.YAMLError:
        return None
    return content if isinstance(content, dict) else None


def _head(workspace: Path) -> str:
    """Commit that is checked out; empty outside Git."""
    return _git(workspace, "rev-parse", "HEAD").strip()


def _git(workspace: Path, *arguments: str) -> str:
    """What Git says; empty where it refuses."""
    command = ["git", "-C", str(workspace), *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return result.stdout if result.returncode == 0 else ""
