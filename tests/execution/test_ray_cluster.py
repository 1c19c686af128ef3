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


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """RAY_ADDRESS leads to the first of two nodes; the second is at 127.0.0.2."""
    address = f"127.0.0.1:{free_port()}"
    monkeypatch.setenv("RAY_ADDRESS", address)
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
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
    for _ in range(20):
        if subprocess.run([sys.executable, "-c", script], timeout=60, stderr=-3).returncode == 0:
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
    assert "100/100" in done.stderr
    assert bytes_of("ray") == bytes_of("serial")
    assert len(attempts()) - before == 12
    assert not list((workspace / ".cache" / "resume").iterdir())

    broken = run_stage_script("ray", broken="scene-3")
    assert broken.returncode == 1
    assert broken.stderr.splitlines()[-1] == "error: scene-3: broken; mend it"
    assert "Traceback" not in broken.stderr


def test_missing_cluster_is_named(
    run_stage_script: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{free_port()}")
    done = run_stage_script("ray")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("error: RAY_ADDRESS: 127.0.0.1")
    assert "Traceback" not in done.stderr
