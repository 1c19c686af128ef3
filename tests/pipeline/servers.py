"""Servers of a lab on the loopback: SSH, S3 and read-only HTTP, each for the length of a block."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import httpx2
import pytest

_STARTS_WITHIN_S = 60
_SSHD = shutil.which("sshd") or shutil.which("/usr/sbin/sshd")


@dataclass(frozen=True)
class Served:
    """A remote: its address, and what DVC must know beside it."""

    url: str
    options: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def ssh(folder: Path) -> Iterator[Served]:
    """OpenSSH's server, with a key of its own and one of a user who may write to `folder`."""
    if _SSHD is None:
        pytest.skip("no sshd; `apt-get install openssh-server`")
    if find_spec("dvc_ssh") is None:
        pytest.skip("no dvc-ssh; `pip install -r requirements-remote.txt`")
    folder.mkdir(parents=True)
    for name in ("host", "user"):
        key = ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name))
        subprocess.run(key, check=True)
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # which a service manager makes
    port = _free_port()
    settings = {
        "Port": port,
        "ListenAddress": "127.0.0.1",
        "HostKey": folder / "host",
        "AuthorizedKeysFile": folder / "user.pub",
        "StrictModes": "no",
        "UsePAM": "no",
        "PidFile": "none",
        "PermitRootLogin": "prohibit-password",
        "PasswordAuthentication": "no",
        "Subsystem": "sftp internal-sftp",
    }
    config = folder / "sshd_config"
    config.write_text("".join(f"{key} {value}\n" for key, value in settings.items()))
    user = subprocess.run(("id", "-un"), capture_output=True, text=True, check=True).stdout.strip()
    with _running([_SSHD, "-D", "-e", "-f", str(config)], port):
        yield Served(
            f"ssh://{user}@127.0.0.1:{port}{folder}/remote", {"keyfile": str(folder / "user")}
        )


@contextmanager
def s3() -> Iterator[Served]:
    """A server of S3 in memory, with a bucket."""
    if find_spec("dvc_s3") is None or find_spec("moto") is None:
        pytest.skip("no dvc-s3 or moto; `pip install -r requirements-dev.txt`")
    port = _free_port()
    address = f"http://127.0.0.1:{port}"
    with _running([sys.executable, "-m", "moto.server", "-p", str(port)], port):
        httpx2.put(f"{address}/lab").raise_for_status()
        keys = {"AWS_ACCESS_KEY_ID": "lab", "AWS_SECRET_ACCESS_KEY": "lab"}
        yield Served("s3://lab/cm3d", {"endpointurl": address, "region": "us-east-1"}, keys)


@contextmanager
def http(folder: Path) -> Iterator[Served]:
    """Python's own server of files, which takes no uploads."""
    port = _free_port()
    command = [sys.executable, "-m", "http.server", "-b", "127.0.0.1", "-d", str(folder), str(port)]
    with _running(command, port):
        yield Served(f"http://127.0.0.1:{port}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _running(command: list[str], port: int) -> Iterator[None]:
    """A server as a process, from when it answers."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _await(process, port)
        yield
    finally:
        process.terminate()
        process.wait()


def _await(process: "subprocess.Popen[bytes]", port: int) -> None:
    end = time.monotonic() + _STARTS_WITHIN_S
    while time.monotonic() < end and process.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"{process.args!r} does not answer; exit code {process.poll()}")
