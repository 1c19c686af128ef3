"""Folders of unfinished work belong to the process that holds their lock."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from cm3d.errors import InputError
from cm3d.execution.digest import stage_digest
from cm3d.execution.publication import publication

HOLDER = """
import multiprocessing, sys, time
from cm3d.errors import InputError
from cm3d.execution.resume import work_folder

if __name__ == "__main__":
    try:
        folder = work_folder("detect2d")
    except InputError as error:
        sys.exit(f"error: {error}")
    folder.mkdir(parents=True, exist_ok=True)
    if "loader" in sys.argv:
        context = multiprocessing.get_context("fork")
        context.Process(target=time.sleep, args=(20,), daemon=True).start()
    print(folder, flush=True)
    sys.stdin.read()
"""

Start = Callable[..., tuple[subprocess.Popen[str], str]]


@pytest.fixture
def start(workspace: Path, project: Path) -> Iterator[Start]:
    """Start a process that holds its folder until it is killed; the process and that folder."""
    (workspace / "holder.py").write_text(HOLDER)
    with ExitStack() as stack:

        def begin(*arguments: str, **environment: str) -> tuple[subprocess.Popen[str], str]:
            process = subprocess.Popen(
                [sys.executable, "-m", "holder", *arguments],
                env={**os.environ, "PYTHONPATH": str(project / "src"), **environment},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
            stack.callback(process.communicate)
            stack.callback(kill_group, process.pid)
            assert process.stdout is not None
            return process, Path(process.stdout.readline().strip()).name

        yield begin


def kill_group(leader: int) -> None:
    """Kill a process and those that it has forked, as far as they live."""
    with suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)


def name_of(workspace: Path) -> str:
    """The first folder of the stage in its present state."""
    return f"detect2d-{stage_digest('detect2d', workspace)}"


def resume_folder(workspace: Path) -> Path:
    return workspace / ".cache" / "resume"


def names_in(workspace: Path) -> set[str]:
    return {path.name for path in resume_folder(workspace).iterdir()}


def test_two_processes_at_once_have_folders_of_their_own(start: Start, workspace: Path) -> None:
    (_, first), (_, second) = start(), start()
    assert first == name_of(workspace)
    assert second == f"{first}-2"
    assert names_in(workspace) == {first, f"{first}.lock", second, f"{second}.lock"}


@pytest.mark.parametrize("arguments", [(), ("loader",)])
def test_the_folder_of_a_killed_process_is_taken_up(
    start: Start, arguments: tuple[str, ...]
) -> None:
    """At once, even if a process forked by the killed one is still alive."""
    killed, first = start(*arguments)
    _, second = start()
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert second == f"{first}-2"
    assert start()[1] == first
    assert start()[1] == f"{first}-3"


def test_begun_work_comes_before_a_new_folder(start: Start, workspace: Path) -> None:
    begun = f"{name_of(workspace)}-7"
    (resume_folder(workspace) / begun).mkdir(parents=True)
    assert start()[1] == begun
    assert start()[1] == name_of(workspace)


def test_workspaces_that_share_a_root_share_the_place(start: Start, workspace: Path) -> None:
    root = workspace / "root"
    names = [start(DVC_ROOT=str(root))[1] for _ in range(2)]
    assert names[1] == f"{names[0]}-2"
    assert {path.name for path in (root / ".cache" / "resume").iterdir()} >= set(names)
    assert not (workspace / ".cache").exists()


def test_of_processes_that_train_together_the_first_holds_the_folder(
    start: Start, workspace: Path
) -> None:
    (resume_folder(workspace) / f"{name_of(workspace)}-2").mkdir(parents=True)
    together = {"WORLD_SIZE": "2"}
    # the second cannot know what the first found, so begun work does not come first
    first, name = start(RANK="0", **together)
    assert name == name_of(workspace)
    assert start(RANK="1", **together)[1] == name
    assert [path.name for path in resume_folder(workspace).glob("*.lock")] == [f"{name}.lock"]
    first.kill()
    first.wait()
    assert start(RANK="1", **together)[1] == name
    assert start(RANK="0", **together)[1] == name, "the others do not hold it"
    refused, _ = start(RANK="0", **together)
    _, said = refused.communicate()
    assert refused.returncode == 1
    assert re.fullmatch(r"error: .*: another process is at the same work; .*\n", said)


def test_work_of_other_states_is_kept_for_a_while(start: Start, workspace: Path) -> None:
    base, now_s = resume_folder(workspace), time.time()
    (workspace / "params.yaml").write_text("seed: 1\n")
    _, held = start()
    (workspace / "params.yaml").write_text("seed: 2\n")
    minute_s, day_s = 60, 24 * 3600
    # seven of the stage with the one that is held, which was begun long before the others
    ages_s = {f"detect2d-{number:012x}": day_s + number * minute_s for number in range(1, 7)}
    ages_s |= {held: 30 * day_s, "detect2d-shared": 30 * day_s, "lift-000000000001": 30 * day_s}
    for name, age_s in ages_s.items():
        (base / name / "scenes").mkdir(parents=True, exist_ok=True)
        os.utime(base / name, (now_s - age_s, now_s - age_s))
    os.utime(base / f"{held}.lock", (now_s - ages_s[held], now_s - ages_s[held]))
    _, own = start()
    kept = set(ages_s) - {"detect2d-000000000006"}
    assert names_in(workspace) == {*kept, own, f"{own}.lock", f"{held}.lock"}

    week_old_s = now_s - 7 * day_s - minute_s
    os.utime(base / "detect2d-000000000002", (week_old_s, week_old_s))
    start()
    assert not (base / "detect2d-000000000002").exists()
    assert (base / "detect2d-000000000005").exists()


def test_a_killed_queue_finds_all_its_work_again(start: Start, workspace: Path) -> None:
    """The first of its workers to come back deletes nothing of the others."""
    folders = [resume_folder(workspace) / f"detect2d-{number:012x}" for number in range(12)]
    for hour, folder in enumerate(folders):
        folder.mkdir(parents=True)
        begun_s = time.time() - hour * 3600
        os.utime(folder, (begun_s, begun_s))
    start()
    assert all(folder.exists() for folder in folders)


def test_nothing_is_left_once_the_folder_is_the_output(workspace: Path) -> None:
    out = workspace / "data" / "boxes2d"
    with pytest.raises(InputError), publication("detect2d") as made:
        (made.folder(out) / "a").write_text("half")
        raise InputError("broken")
    assert not out.exists()
    name = name_of(workspace)
    assert names_in(workspace) == {name, f"{name}.lock"}
    with publication("detect2d") as made:
        assert (made.folder(out) / "a").read_text() == "half"
        (made.folder(out) / "a").write_text("whole")
    assert (out / "a").read_text() == "whole"
    assert names_in(workspace) == set()


def test_members_of_a_group_have_digests_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "dvc.yaml").write_text(
        "stages: {predict: {foreach: [one, two], do: {cmd: x, deps: ['data/${item}']}}}\n"
    )
    (tmp_path / "params.yaml").write_text("seed: 0\n")
    for name in ("one", "two"):
        (tmp_path / "data" / name).mkdir(parents=True)
    names = ("predict@one", "predict@two")
    before = [stage_digest(name, tmp_path) for name in names]
    (tmp_path / "data" / "one" / "model").write_text("weights")
    after = [stage_digest(name, tmp_path) for name in names]
    assert after[0] != before[0]
    assert after[1] == before[1]


def test_a_dependency_that_is_missing_has_a_digest_of_its_own(workspace: Path) -> None:
    there = stage_digest("detect2d")
    (workspace / "code.py").unlink()
    missing = stage_digest("detect2d")
    (workspace / "code.py").mkdir()
    assert len({there, missing, stage_digest("detect2d")}) == 3
