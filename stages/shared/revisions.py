"""What Git knows: the revision at hand, and the files of another one."""

import io
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from cm3d.errors import InputError
from cm3d.execution import pipeline
from cm3d.tables import layout


def present_revision(project: Path) -> str:
    """The commit, and whether files that Git follows differ from it."""
    try:
        commit = _git(project, "rev-parse", "--short", "HEAD").decode().strip()
        changed = _git(project, "status", "--porcelain", "--untracked-files=no")
    except InputError:
        return "not known to Git"
    return f"{commit} with changes" if changed.strip() else commit


@contextmanager
def files_of(project: Path, revision: str) -> Iterator[Path]:
    """A folder with the files of a revision, that is deleted in the end.

    What DVC has in its cache is found from there as from the project; rows and curves of metrics,
    which it alone keeps, are put where they belong.

    Args:
        project: The repository.
        revision: As Git takes it, or the name of an experiment.

    Raises:
        InputError: There is no such revision.
    """
    commit = commit_of(project, revision)
    archive = _git(project, "archive", "--format=tar", commit)
    with TemporaryDirectory(prefix="cm3d-revision-") as folder:
        with tarfile.open(fileobj=io.BytesIO(archive)) as files:
            files.extractall(folder, filter="data")
        root = Path(os.environ.get("DVC_ROOT", project)).resolve()
        link = Path(folder) / ".dvc" / "cache"
        if link.parent.is_dir() and not link.exists():
            link.symlink_to(root / ".dvc" / "cache")
        _take_metrics(Path(folder), root)
        yield Path(folder)


def _take_metrics(folder: Path, root: Path) -> None:
    """Copy files of metrics that are not in Git out of the cache of a project, if it has them."""
    lock = folder / "dvc.lock"
    stages = pipeline.read_values(lock).get("stages", {}) if lock.is_file() else {}
    for out in (out for stage in stages.values() for out in stage.get("outs", [])):
        place, kept = folder / out["path"], pipeline.cached_object(root, out.get("md5", ""))
        if place.is_relative_to(folder / layout.METRICS) and kept.is_file() and not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(kept, place)


def commit_of(project: Path, revision: str) -> str:
    """The commit of a revision or of an experiment of DVC.

    Raises:
        InputError: There is none, or several experiments have the name.
    """
    names = [revision] if not revision.startswith("-") else []
    listed = _git(project, "for-each-ref", "--format=%(refname)", "refs/exps/").decode().split()
    names += [ref for ref in listed if ref.rsplit("/", 1)[-1] == revision and "/exec/" not in ref]
    if len(names) > 2:
        raise InputError(
            f"--baseline {revision}: several experiments have this name; give a commit of them"
        )
    for name in names:
        try:
            return (
                _git(project, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
                .decode()
                .strip()
            )
        except InputError:
            continue
    raise InputError(
        f"--baseline {revision}: no revision and no experiment; see `git log` and `dvc exp show`"
    )


def _git(project: Path, *words: str) -> bytes:
    try:
        return subprocess.run(["git", *words], cwd=project, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise InputError(f"git {words[0]} fails in {project}; see `git status`") from error
