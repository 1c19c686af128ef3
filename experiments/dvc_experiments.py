"""DVC experiments by what they are: found where they have been run, else run."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from cm3d.errors import InputError
from experiments.overrides import as_arguments

_DVC: Final = (sys.executable, "-m", "dvc")

# What the outcome of an experiment depends on, beside its overrides.
_PIPELINE: Final = ("dvc.yaml", "params.yaml", "src", "stages")


def pipeline_state() -> str:
    """Code and parameters as they stand, committed or not; results and docs do not count.

    Raises:
        InputError: The folder is no Git repository of this project.
    """
    committed = _git("rev-parse", *(f"HEAD:{path}" for path in _PIPELINE))
    return committed + _git("diff", "--binary", "HEAD", "--", *_PIPELINE)


def experiment_name(target: str, changes: Mapping[str, Any], state: str) -> str:
    """A name that is the same for the same run, so that rows and tables share one."""
    identity = json.dumps([target, changes, state], sort_keys=True)
    digest = hashlib.sha256(identity.encode()).hexdigest()[:10]
    return f"{target.replace('@', '-')}-{digest}"


def find_metrics(name: str, metrics: Path) -> dict[str, float | None] | None:
    """What a metrics file holds in a finished experiment; None where there is none."""
    for commit in _commits(name):
        try:
            return dict(json.loads(_git("show", f"{commit}:{metrics}")))
        except InputError:
            continue
    return None


def run_experiment(name: str, target: str, changes: Mapping[str, Any]) -> None:
    """Run a target with some parameters changed, in a temporary copy of the project.

    Raises:
        InputError: The run failed.
    """
    if _commits(name):
        _dvc("exp", "remove", "--quiet", name)
    _dvc("exp", "run", "--temp", "--name", name, *as_arguments(changes), target)


def _commits(name: str) -> list[str]:
    return _git("for-each-ref", "--format=%(objectname)", f"refs/exps/*/*/{name}").split()


def _dvc(*arguments: str) -> None:
    """Run DVC with this interpreter's folder first in the search path, for the stages."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    result = subprocess.run([*_DVC, *arguments], env={**os.environ, "PATH": path}, check=False)
    if result.returncode != 0:
        raise InputError(f"`dvc {' '.join(arguments)}` failed; its messages are above")


def _git(*arguments: str) -> str:
    result = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise InputError(f"`git {' '.join(arguments)}` failed: {result.stderr.strip()}")
    return result.stdout.strip()
