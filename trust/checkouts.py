"""Other ways to have the project from Git: a worktree, a detached head, a shallow clone.

In a shallow clone DVC ends an experiment well and keeps nothing of it, which stages refuse.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from trust.clone import Clone
from trust.experiments import commit_results, commits
from trust.workplace import Workplace

_EXPERIMENT: Final = "elsewhere"
_REFUSAL: Final = "git fetch --unshallow"


def try_checkouts(place: Workplace) -> dict[str, str]:
    """What is wrong with each, empty where an experiment runs in it as anywhere."""
    origin = place.copy("origin")
    commit_results(origin)
    ways: dict[str, Callable[[Clone, Path], None]] = {
        "git worktree": _worktree,
        "detached head": _detached,
        "shallow clone made whole": _unshallow,
    }
    found = {}
    for number, (title, make) in enumerate(ways.items()):
        root = place.root / title.replace(" ", "-")
        make(origin, root)
        found[title] = _fault(origin, Clone(root, origin.environment), number)
    shallow = Clone(place.root / "shallow", origin.environment)
    _shallow(origin, shallow.root)
    refused = _REFUSAL in _fault(origin, shallow, len(ways))
    found["shallow clone refuses"] = "" if refused else f"it does not name `{_REFUSAL}`"
    return found


def _worktree(origin: Clone, root: Path) -> None:
    origin.run("git", "worktree", "add", "-q", "-b", "beside", str(root))


def _shallow(origin: Clone, root: Path) -> None:
    origin.run("git", "clone", "-q", "--depth", "1", origin.root.as_uri(), str(root))


def _unshallow(origin: Clone, root: Path) -> None:
    _shallow(origin, root)
    Clone(root, origin.environment).run("git", "fetch", "-q", "--unshallow")


def _detached(origin: Clone, root: Path) -> None:
    origin.run("git", "clone", "-q", origin.root.as_uri(), str(root))
    Clone(root, origin.environment).run("git", "checkout", "-q", "--detach")


def _fault(origin: Clone, clone: Clone, number: int) -> str:
    """Get the data by the cache, run an experiment in a copy, look for its commit.

    Each has its own number, since what the cache has is not run.
    """
    try:
        cache = str(origin.root / ".dvc" / "cache")
        clone.dvc("config", "--local", "cache.dir", cache)
        clone.dvc("checkout")
        clone.dvc("exp", "run", "--temp", "-n", _EXPERIMENT, "-S", f"fuse.min_iou=0.3{number + 1}",
                  "--single-item", "fuse")  # fmt: skip
    except AssertionError as error:
        return " ".join(str(error).split())[-600:]
    return "" if _EXPERIMENT in commits(clone) else "no commit of the experiment"
