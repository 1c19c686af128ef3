"""A Ray cluster of two nodes on this machine; a worker is killed, and a whole node."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from cm3d.errors import InputError
from cm3d.execution.ray_cluster import gpus_to_ask_for

pytest.importorskip("ray")

RAY = Path(sys.executable).with_name("ray")
QUICK_TO_MISS_A_NODE = (
    '{"health_check_period_ms":500,"health_check_failure_threshold":2,'
    '"health_check_initial_delay_ms":500}'
)


@contextmanager
def node(address: str, *options: str) -> Iterator[None]:
    """A node at an address of this machine, with all its processes in one group."""
    command = [RAY, "start", "--block", f"--node-ip-address={address}", "--num-cpus=1"]
    limits = ["--object-store-memory=80000000", "--min-worker-port=0", "--max-worker-port=0"]
    process = subprocess.Popen(
        [*command, *limits, *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture(autouse=True)
def no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray would keep one in the home folder."""
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """RAY_ADDRESS leads to the first of two nodes; the second is at 127.0.0.2."""
    address = f"127.0.0.1:{free_port()}"
    monkeypatch.setenv("RAY_ADDRESS", address)
    # paths of sockets may have 107 characters
    folder = tempfile.mkdtemp(prefix="ray", dir="/tmp")
    head = ["--head", f"--port={address.split(':')[1]}", f"--temp-dir={folder}"]
    quiet = ["--include-dashboard=false", f"--system-config={QUICK_TO_MISS_A_NODE}"]
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        stack.enter_context(node("127.0.0.1", *head, *quiet))
        stack.enter_context(node("127.0.0.2", f"--address={address}"))
        wait_for_two_nodes()
        yield


def wait_for_two_nodes() -> None:
    script = (
        "import ray, time\n"
        "ray.init(logging_level='ERROR', log_to_driver=False)\n"
        "while sum(node['Alive'] for node in ray.nodes()) < 2:\n"
        "    time.sleep(0.1)\n"
    )
    command = [sys.executable, "-c", script]
    for _ in range(20):
        if subprocess.run(command, timeout=60, stderr=subprocess.DEVNULL).returncode == 0:
            return
    raise RuntimeError("Ray does not start")


@pytest.mark.usefixtures("cluster")
def test_nothing_is_lost_or_doubled_when_workers_die(
    run_stage_script: Callable[..., Any],
    bytes_of: Callable[[str], dict[str, bytes]],
    attempts: Callable[[], list[str]],
    workspace: Path,
) -> None:
    assert run_stage_script("serial", out="serial").returncode == 0
    before = len(attempts())
    done = run_stage_script("ray", out="ray", kill_worker="scene-7", kill_node="127.0.0.2")
    assert done.returncode == 0, done.stderr
    assert (workspace / "killed-worker").exists()
    assert (workspace / "killed-node").exists()
    assert "detect2d: 100 of 100 images done, in " in done.stderr
    assert bytes_of("ray") == bytes_of("serial")
    assert len(attempts()) - before == 12
    assert not list((workspace / ".cache" / "resume").iterdir())


def test_bad_input_arrives_from_a_ray_of_this_machine(
    run_stage_script: Callable[..., Any], workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    done = run_stage_script("ray", broken="scene-9")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "error: scene-9: broken; mend it"
    assert "Traceback" not in done.stderr
    assert len(list((workspace / ".cache").rglob("scene-*.parquet"))) >= 8


def test_missing_cluster_is_named(
    run_stage_script: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{free_port()}")
    done = run_stage_script("ray")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("error: RAY_ADDRESS: 127.0.0.1")
    assert "Traceback" not in done.stderr


def test_a_long_folder_for_temporary_files_is_named(
    run_stage_script: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ray's sockets lie in it, and their paths may have 107 characters."""
    long = tmp_path / ("long" * 20)
    long.mkdir()
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("TMPDIR", str(long))
    done = run_stage_script("ray")
    assert done.returncode == 1
    assert "set a shorter TMPDIR" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_gpus_are_asked_for_where_a_node_has_them() -> None:
    nodes = [
        {"Alive": True, "Resources": {"CPU": 8.0}},
        {"Alive": True, "Resources": {"CPU": 8.0, "GPU": 2.0}},
        {"Alive": False, "Resources": {"GPU": 8.0}},
    ]
    assert gpus_to_ask_for(nodes[:1], 1.0) == 0.0
    assert gpus_to_ask_for(nodes, 0.5) == 0.5
    assert gpus_to_ask_for(nodes, 0.0) == 0.0
    with pytest.raises(InputError, match=r"gpus_per_worker: 4.*more than 2"):
        gpus_to_ask_for(nodes, 4.0)
