"""Environments in which stages fail: one line that names the variable, or the error and a cure."""

import errno
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from cm3d.errors import refused, unwritable
from cm3d.execution.environment import check_environment, refuse_several
from cm3d.execution.interruption import descendants
from cm3d.execution.processes import helper_pool, in_processes, prepare_for_children
from cm3d.execution.stage import run_stage
from tests.trust.refusal import refuses

TOGETHER = {
    "RANK": "1",
    "LOCAL_RANK": "1",
    "WORLD_SIZE": "2",
    "MASTER_ADDR": "127.0.0.1",
    "MASTER_PORT": "29500",
}
NAMES = (*TOGETHER, "OMP_NUM_THREADS", "MKL_NUM_THREADS", "CUDA_VISIBLE_DEVICES", "DVC_ROOT")

# What is set, and the words that must stand in the message.
BROKEN: dict[str, tuple[Mapping[str, str], tuple[str, ...]]] = {
    "rank alone": ({"RANK": "1"}, ("LOCAL_RANK: not set, but RANK is", "torchrun")),
    "size alone": ({"WORLD_SIZE": "2"}, ("RANK: not set, but WORLD_SIZE is",)),
    "local rank alone": ({"LOCAL_RANK": "0"}, ("RANK: not set, but LOCAL_RANK is",)),
    "no address": (
        {k: v for k, v in TOGETHER.items() if k != "MASTER_ADDR"},
        ("MASTER_ADDR: not set",),
    ),
    "no port": (
        {k: v for k, v in TOGETHER.items() if k != "MASTER_PORT"},
        ("MASTER_PORT: not set",),
    ),
    "rank a word": ({**TOGETHER, "RANK": "abc"}, ("RANK: 'abc'", "unset")),
    "rank empty": ({**TOGETHER, "RANK": ""}, ("RANK: ''",)),
    "rank negative": ({**TOGETHER, "RANK": "-1"}, ("RANK: '-1'",)),
    "rank beyond the size": ({**TOGETHER, "RANK": "2"}, ("RANK: '2'",)),
    "rank with digits of another script": ({**TOGETHER, "RANK": "\u0661"}, ("RANK: ",)),
    "local rank beyond the rank": ({**TOGETHER, "LOCAL_RANK": "2"}, ("LOCAL_RANK: '2'",)),
    "local rank a fraction": ({**TOGETHER, "LOCAL_RANK": "0.5"}, ("LOCAL_RANK: '0.5'",)),
    "size zero": ({**TOGETHER, "WORLD_SIZE": "0"}, ("WORLD_SIZE: '0'",)),
    "size a word": ({**TOGETHER, "WORLD_SIZE": "two"}, ("WORLD_SIZE: 'two'",)),
    "size of 400 digits": ({**TOGETHER, "WORLD_SIZE": "9" * 400}, ("WORLD_SIZE: ",)),
    "address empty": ({**TOGETHER, "MASTER_ADDR": ""}, ("MASTER_ADDR: ''",)),
    "address two words": ({**TOGETHER, "MASTER_ADDR": "a b"}, ("MASTER_ADDR: 'a b'",)),
    "port a word": ({**TOGETHER, "MASTER_PORT": "http"}, ("MASTER_PORT: 'http'",)),
    "port too high": ({**TOGETHER, "MASTER_PORT": "65536"}, ("MASTER_PORT: '65536'",)),
    "threads a word": ({"OMP_NUM_THREADS": "all"}, ("OMP_NUM_THREADS: 'all'", "as 1")),
    "threads zero": ({"OMP_NUM_THREADS": "0"}, ("OMP_NUM_THREADS: '0'",)),
    "threads empty": ({"OMP_NUM_THREADS": ""}, ("OMP_NUM_THREADS: ''",)),
    "threads a half list": ({"OMP_NUM_THREADS": "4,"}, ("OMP_NUM_THREADS: '4,'",)),
    "threads of MKL": ({"MKL_NUM_THREADS": "-2"}, ("MKL_NUM_THREADS: '-2'",)),
    "GPU a word": ({"CUDA_VISIBLE_DEVICES": "first"}, ("CUDA_VISIBLE_DEVICES: 'first'", "0,1")),
    "GPUs with a gap": ({"CUDA_VISIBLE_DEVICES": "0,,1"}, ("CUDA_VISIBLE_DEVICES: '0,,1'",)),
    "GPUs by semicolon": ({"CUDA_VISIBLE_DEVICES": "0;1"}, ("CUDA_VISIBLE_DEVICES: '0;1'",)),
    "root of another machine": ({"DVC_ROOT": "/nowhere/at/all"}, ("DVC_ROOT: ", "unset it")),
}
SOUND: dict[str, Mapping[str, str]] = {
    "nothing": {},
    "one of two": TOGETHER,
    "alone by torchrun": {**TOGETHER, "RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1"},
    "an address of the cluster": {"MASTER_ADDR": "first"},
    "threads": {"OMP_NUM_THREADS": "8"},
    "threads by level": {"OMP_NUM_THREADS": "4, 2"},
    "GPUs": {"CUDA_VISIBLE_DEVICES": "0, 3"},
    "no GPU": {"CUDA_VISIBLE_DEVICES": ""},
    "no GPU by number": {"CUDA_VISIBLE_DEVICES": "-1"},
    "no GPU by Slurm": {"CUDA_VISIBLE_DEVICES": "NoDevFiles"},
    "a GPU by its name": {"CUDA_VISIBLE_DEVICES": "GPU-8932f937-d72c-4106-c12f-20bd9faed9f6"},
    "a part of a GPU": {"CUDA_VISIBLE_DEVICES": "MIG-GPU-8932f937-d72c-4106-c12f/1/0"},
    "no root": {"DVC_ROOT": ""},
}

# Errors of the system that name no file, and what must be told of them.
FAILURES: dict[int, tuple[str, ...]] = {
    errno.ENOSPC: ("No space left on device", "free some"),
    errno.EDQUOT: ("quota", "free some"),
    errno.EFBIG: ("File too large", "ulimit -f"),
    errno.EROFS: ("Read-only file system", "mount it for writing"),
    errno.EACCES: ("Permission denied", "owner or mode"),
    errno.EPERM: ("not permitted", "owner or mode"),
    errno.ENOENT: ("No such file", "check the path"),
    errno.EEXIST: ("File exists", "move it away"),
    errno.ENOTDIR: ("Not a directory", "move it away"),
    errno.EISDIR: ("Is a directory", "move it away"),
    errno.ENOTEMPTY: ("not empty", "stop it"),
    errno.EBUSY: ("busy", "stop it"),
    errno.ENAMETOOLONG: ("too long", "shorten"),
    errno.ELOOP: ("symbolic links", "circle"),
    errno.EMFILE: ("Too many open files", "ulimit -n"),
    errno.ENFILE: ("Too many open files", "execution.workers"),
    errno.ENOMEM: ("memory", "execution.workers"),
    errno.EAGAIN: ("unavailable", "ulimit -u"),
    errno.ENOLCK: ("No locks available", "flock"),
    errno.EOPNOTSUPP: ("not supported", "flock"),
    errno.ENOSYS: ("not implemented", "flock"),
    errno.EIO: ("Input/output error", "the disk fails"),
    errno.ESTALE: ("Stale file handle", "mount the network disk again"),
    errno.EXDEV: ("cross-device", "check the path"),
}


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """None of the variables, and no arguments."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.argv", ["stage"])


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_variable_is_named(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    values, words = BROKEN[case]
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    refuses(check_environment, *words)


@pytest.mark.parametrize("case", SOUND)
def test_a_sound_environment_passes(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SOUND[case].items():
        monkeypatch.setenv(name, value)
    check_environment()


def test_a_stage_that_is_no_training_refuses_torchrun() -> None:
    refuses(lambda: refuse_several(TOGETHER), "WORLD_SIZE: 2", "without torchrun")
    refuse_several({"WORLD_SIZE": "1"})


def test_no_temporary_folder_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> str:
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']")

    monkeypatch.setattr(tempfile, "gettempdir", nowhere)
    refuses(check_environment, "TMPDIR", "no temporary folder can be written")


def test_a_temporary_folder_too_long_for_sockets_is_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tempfile, "gettempdir", lambda: "/tmp/" + "é" * 36)
    refuses(check_environment, "TMPDIR: /tmp/é", "77 bytes", "room for 75")
    monkeypatch.setattr(tempfile, "gettempdir", lambda: "/tmp/" + "é" * 35)
    check_environment()


@pytest.fixture
def few_files() -> Iterator[int]:
    """The least limit of open files under which two processes may be started, as it is in force."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (40, before[1]))
    yield 40
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


CHILDREN: dict[str, Callable[[int], object]] = {
    "workers": lambda count: list(in_processes(str, ["a", "b"], count, [])),
    "readers": helper_pool,
    "loaders": prepare_for_children,
}


@pytest.mark.parametrize("kind", CHILDREN)
def test_too_few_open_files_are_one_line(kind: str, few_files: int) -> None:
    said = refuses(
        lambda: CHILDREN[kind](3), "ulimit -n: 40 open files, and 3 processes need 44", "raise it"
    )
    assert kind in said


@pytest.mark.parametrize("encoding", ["ANSI_X3.4-1968", "ISO-8859-1"])
def test_another_encoding_is_refused(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("locale.getpreferredencoding", lambda _: encoding)
    refuses(check_environment, f"read as {encoding}", "PYTHONUTF8=1")


def test_a_folder_that_was_deleted_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    refuses(check_environment, "the current folder was deleted", "cd")


def test_an_experiment_of_a_shallow_clone_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, copy = tmp_path / "workspace", tmp_path / "workspace" / ".dvc" / "tmp" / "copy"
    for folder in (workspace / ".git", copy):
        folder.mkdir(parents=True)
    monkeypatch.setenv("DVC_ROOT", str(workspace))
    monkeypatch.chdir(copy)
    check_environment()
    (workspace / ".git" / "shallow").touch()
    refuses(check_environment, f"{workspace}: a shallow clone", "git fetch --unshallow")
    monkeypatch.chdir(workspace)
    check_environment()


@pytest.mark.parametrize("number", FAILURES, ids=errno.errorcode.get)
def test_a_failure_of_the_system_is_one_line(
    number: int, capsys: pytest.CaptureFixture[str], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the name of a file and without, and without advice that does not help."""
    monkeypatch.chdir(project)
    for named in ("data/x", None):

        def main(named: str | None = named) -> None:
            raise OSError(number, "[Errno] in words of a library.\nDetail: more", named)

        with pytest.raises(SystemExit) as ended:
            run_stage(main)
        said = capsys.readouterr().err
        assert ended.value.code == 1
        assert said.startswith("error: " + (f"{named}: " if named else ""))
        assert said.count("\n") == 1
        for word in FAILURES[number] if number != errno.EXDEV else ():
            assert word in said
        assert ("free" in said) == (number in (errno.ENOSPC, errno.EDQUOT))


def test_what_is_written_is_named_where_the_error_does_not() -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    assert str(refused(full, Path("metrics/x.json"))).startswith("metrics/x.json: No space")
    assert "metrics/x.json: cannot be written (No space" in str(
        unwritable(Path("metrics/x.json"), full)
    )


def test_the_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    for number in (errno.EEXIST, errno.ENOTDIR):
        said = str(refused(OSError(number, "", str(tmp_path / "data" / "boxes" / "a.parquet"))))
        assert said.startswith(f"{tmp_path}/data: ")


def test_no_memory_is_one_line(
    capsys: pytest.CaptureFixture[str], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)

    def main() -> None:
        raise MemoryError("Unable to allocate 8.00 EiB")

    with pytest.raises(SystemExit):
        run_stage(main)
    assert capsys.readouterr().err.startswith("error: out of memory (Unable to allocate 8.00 EiB);")


def test_arguments_of_a_stage_without_any_are_refused(
    capsys: pytest.CaptureFixture[str], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    monkeypatch.setattr("sys.argv", ["stage", "--force"])
    with pytest.raises(SystemExit):
        run_stage(lambda: pytest.fail("it ran"))
    assert capsys.readouterr().err.startswith("error: --force: this stage takes no arguments")


def test_a_stage_leaves_the_signals_of_others_alone(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    __import__("stages.lift")
    assert [signal.getsignal(number) for number in numbers] == before
    run_stage(lambda: None)
    assert [signal.getsignal(number) for number in numbers] == before


SLOW_IMPORT = "print('here', flush=True)\nimport time\ntime.sleep(30)\n"
WITH_WORKERS = """
import time
from cm3d.execution.processes import in_processes
from cm3d.execution.stage import run_stage
import work

def main():
    print("here", flush=True)
    list(in_processes(work.wait, ["a", "b"], 2, []))

if __name__ == "__main__":
    run_stage(main)
"""
WORK = """
import time
from pathlib import Path

def wait(name):
    Path(name).touch()
    time.sleep(30)
"""

Stop = Callable[[subprocess.Popen[str]], None]


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder whose path leaves room for names of sockets; those of pytest may not."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def interrupt_all(process: "subprocess.Popen[str]") -> None:
    """As a terminal does."""
    os.killpg(process.pid, signal.SIGINT)


def terminate(process: "subprocess.Popen[str]") -> None:
    process.terminate()


@pytest.mark.parametrize(
    ("stage", "stop", "code"),
    [
        (SLOW_IMPORT, interrupt_all, 130),
        (SLOW_IMPORT, terminate, 143),
        (WITH_WORKERS, interrupt_all, 130),
        (WITH_WORKERS, terminate, 143),
    ],
    ids=["Ctrl-C in imports", "SIGTERM in imports", "Ctrl-C with workers", "SIGTERM with workers"],
)
def test_a_signal_ends_in_one_line_and_leaves_nobody(
    stage: str, stop: Stop, code: int, tmp_path: Path, short_folder: Path, project: Path
) -> None:
    """No process, no temporary folder, no traceback of a worker."""
    (tmp_path / "stages").mkdir()
    begin = (project / "stages" / "__init__.py").read_text()
    (tmp_path / "stages" / "__init__.py").write_text(begin)
    (tmp_path / "stages" / "slow.py").write_text(stage)
    (tmp_path / "work.py").write_text(WORK)
    (tmp_path / "src").symlink_to(project / "src")
    (tmp_path / "sitecustomize.py").write_text(
        "import cm3d.execution.stage as s\ns.refuse_foreign_code = lambda project: None\n"
    )
    with subprocess.Popen(
        [sys.executable, "-m", "stages.slow"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{project / 'src'}",
             "TMPDIR": str(short_folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n", process.communicate()
        while stage is WITH_WORKERS and not all((tmp_path / name).exists() for name in "ab"):
            assert process.poll() is None
        below = descendants(process.pid)
        stop(process)
        _, said = process.communicate(timeout=20)
    assert process.returncode == code
    assert said.startswith("interrupted") and said.count("\n") == 1, said
    assert not list(short_folder.iterdir())
    deadline_s = time.monotonic() + 5  # what is killed takes a moment to be gone
    while alive := {pid for pid in below if not _has_ended(pid)}:
        assert time.monotonic() < deadline_s, alive
        time.sleep(0.01)


def _has_ended(pid: int) -> bool:
    """Whether it is gone, or a zombie, or the tracker, which is about to go."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_text()
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state in "ZX" or "resource_tracker" in command


def test_a_stage_that_finds_no_package_is_one_line(project: Path) -> None:
    """Where PYTHONPATH was forgotten."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    ended = subprocess.run(
        [sys.executable, "-m", "stages.fuse"],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith("error: No module named 'cm3d'; run `PYTHONPATH=src python")
    assert ended.stderr.count("\n") == 1
