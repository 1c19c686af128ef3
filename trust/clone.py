"""A temporary clone of the working tree, and how to run things in it."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Self

from cm3d.execution.pipeline import read_stages
from experiments.overrides import write_overrides

PROJECT: Final = Path(__file__).parents[1]
STAGES: Final = list(read_stages(PROJECT / "dvc.yaml"))


def stages_run(output: str) -> list[str]:
    """The stages that DVC says it ran, in the order of dvc.yaml."""
    return [name for name in STAGES if f"Running stage '{name}'" in output]


@dataclass(frozen=True)
class Clone:
    """A clone of the working tree and the environment to run it in."""

    root: Path
    environment: Mapping[str, str]

    def run(
        self, *command: str, check: bool = True, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command there, output captured."""
        done = subprocess.run(
            command,
            cwd=self.root,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"{command}: {done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        return done

    def dvc(self, *arguments: str) -> str:
        """Run DVC; what it printed, both streams."""
        done = self.run(sys.executable, "-m", "dvc", *arguments)
        return done.stdout + done.stderr

    def stage(self, name: str, *arguments: str, check: bool = True, **environment: str) -> str:
        """Run one stage without DVC; what it printed on stderr."""
        done = self.run_stage(name, *arguments, **environment)
        if check and done.returncode:
            raise AssertionError(
                f"{name} {arguments}: {done.stdout[-3000:]}\n{done.stderr[-3000:]}"
            )
        return done.stderr

    def run_stage(
        self, name: str, *arguments: str, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run one stage without DVC, whatever comes of it."""
        command = (sys.executable, "-m", f"stages.{name}", *arguments)
        return self.run(*command, check=False, PYTHONPATH="src", **environment)

    def copied_to(self, root: Path) -> Self:
        """A copy that may be changed at will, in a folder that is not there yet."""
        # keeps files in one that DVC has linked to its cache, and is faster than Python
        subprocess.run(["cp", "-a", self.root, root], check=True)
        return replace(self, root=root)

    def override(self, values: Mapping[str, Any]) -> None:
        """Change parameters, by dotted path."""
        write_overrides(self.root / "params.yaml", dict(values))

    def model_bytes(self, name: str) -> bytes:
        """The weights of a model in `data/models`."""
        (weights,) = (self.root / "data" / "models" / name).glob("*.safetensors")
        return weights.read_bytes()


def fill(clone: Clone, **execution: Any) -> None:
    """Copy the working tree into an empty clone, with the smoke preset, and commit it.

    Args:
        clone: Of an empty folder.
        execution: Parameters of that section to be changed besides.
    """
    copy_tree(PROJECT, clone.root)
    clone.run(sys.executable, "-m", "experiments.preset", "smoke", "--write", PYTHONPATH="src")
    clone.override({f"execution.{name}": value for name, value in execution.items()})
    # in one pack, as copies are made of it
    for step in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "smoke"], ["gc", "-q"]):
        clone.run("git", *step)


def copy_tree(project: Path, root: Path) -> None:
    """Copy what Git tracks or would track, as it is now, and commit it."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=project, capture_output=True, text=True, check=True)
    for name in filter(None, names.stdout.split("\0")):
        if (project / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(project / name, root / name)


def clean_environment(home: Path) -> dict[str, str]:
    """The present one without what would tie the clone to this machine's other projects."""
    kept = {k: v for k, v in os.environ.items() if not re.match("DVC_|MLFLOW_|NUSCENES_", k)}
    bin_folder = str(Path(sys.executable).parent)
    identity = {f"GIT_{who}_{what}": "test@example.org" for who in ("AUTHOR", "COMMITTER")
                for what in ("NAME", "EMAIL")}  # fmt: skip
    return {
        **kept,
        **identity,
        "PATH": f"{bin_folder}{os.pathsep}{kept['PATH']}",
        "DVC_NO_ANALYTICS": "true",
        "DVC_GLOBAL_CONFIG_DIR": str(home / "dvc"),
        "DVC_SITE_CACHE_DIR": str(home / "site"),
    }
