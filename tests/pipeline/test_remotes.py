"""Outputs travel by the remotes of a lab, with a pipeline of one stage: docs/share.md."""

import os
import re
import shutil
import subprocess
import sys
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline import servers
from tests.pipeline.servers import Served
from trust.clone import PROJECT, Clone, clean_environment

LABELS = "data/pseudo_labels"
MAKE = f"""\
import pathlib, yaml
folder = pathlib.Path("{LABELS}")
folder.mkdir(parents=True)
value = yaml.safe_load(open("params.yaml"))["value"]
for scene in range(6):
    (folder / f"scene-{{scene}}.parquet").write_bytes(bytes([value, scene]) * 200_000)
"""
PIPELINE = f"""\
stages:
  fuse:
    cmd: python make.py
    deps: [make.py]
    params: [value]
    outs: [{LABELS}]
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A project with labels and with this project's `.dvc` and Makefile, nothing pushed."""
    home = tmp_path_factory.mktemp("home")
    project = Clone(home / "made", {**clean_environment(home), "HOME": str(home)})
    project.root.mkdir()
    (project.root / "make.py").write_text(MAKE)
    (project.root / "dvc.yaml").write_text(PIPELINE)
    (project.root / "params.yaml").write_text("value: 1\n")
    (project.root / ".gitignore").write_text("/data\n")
    (project.root / ".dvc").mkdir()
    for name in ("Makefile", ".dvc/config", ".dvc/.gitignore"):
        shutil.copy(PROJECT / name, project.root / name)
    project.run("git", "init", "-q")
    project.dvc("repro")
    project.run("git", "add", "-A")
    project.run("git", "commit", "-qm", "labels")
    return project


@pytest.fixture
def origin(made: Clone, tmp_path: Path) -> Clone:
    """Where the labels are; its home, and so its default remote, is the test's own."""
    environment = {**made.environment, "HOME": str(tmp_path), "DVC_SITE_CACHE_DIR": str(tmp_path)}
    return Clone(made.copied_to(tmp_path / "origin").root, environment)


def clone_of(origin: Clone) -> Clone:
    """A fresh clone, which has no data and does not know what is in the remote."""
    root = origin.root.with_name("clone")
    origin.run("git", "clone", "-q", str(origin.root), str(root))
    return Clone(root, {**origin.environment, "DVC_SITE_CACHE_DIR": str(root / ".dvc/tmp/site")})


def make(project: Clone, *words: str) -> str:
    """Run a target of the Makefile in the present environment."""
    bin_folder = f"BIN={Path(sys.executable).parent}"
    done = project.run("make", "-o", "install", bin_folder, *words)
    return done.stdout + done.stderr


def use(project: Clone, served: Served) -> Clone:
    """Point the default remote to a server, as docs/share.md has it."""
    make(project, "remote", f"CM3D_REMOTE={served.url}")
    for key, value in served.options.items():
        project.dvc("remote", "modify", "--local", "storage", key, value)
    return Clone(project.root, {**project.environment, **served.environment})


def check(project: Clone, *words: str) -> str:
    """What `make check-remote` prints and how it ends."""
    path = os.pathsep.join((str(PROJECT / "src"), str(PROJECT)))
    command = (sys.executable, "-m", "experiments.remote", *(words or (LABELS,)))
    done = project.run(*command, check=False, PYTHONPATH=path)
    return f"{done.stdout}{done.stderr}exit {done.returncode}"


def labels(project: Clone) -> dict[str, bytes]:
    """The files that have arrived."""
    return {path.name: path.read_bytes() for path in (project.root / LABELS).glob("*.parquet")}


def test_a_fresh_clone_pulls_and_fetches_experiments(origin: Clone) -> None:
    """Without a word about the remote; what Git does not know yet is said."""
    origin.dvc("exp", "run", "--temp", "-n", "other", "-S", "value=2")
    (origin.root / "params.yaml").write_text("value: 1 # of mine\n")
    assert "note: commit and push" in make(origin, "publish", f"GIT={origin.root}")
    clone = clone_of(origin)
    clone.dvc("pull")
    assert labels(clone) == labels(origin)
    make(clone, "fetch", "EXP=other")
    clone.dvc("exp", "apply", "other")
    assert labels(clone)["scene-3.parquet"][:2] == bytes([2, 3])
    assert not clone.run("git", "status", "--porcelain", ".dvc").stdout


@pytest.mark.parametrize("kind", ["ssh", "s3"])
def test_labels_travel_by(kind: str, origin: Clone, tmp_path: Path) -> None:
    server = servers.ssh(tmp_path / "server") if kind == "ssh" else servers.s3()
    with server as served:
        use(origin, served).dvc("push", "--run-cache")
        clone = use(clone_of(origin), served)
        clone.dvc("pull", LABELS)
        assert labels(clone) == labels(origin)
        assert check(clone) == "1 outputs are whole in the remote\nexit 0"
    assert not (tmp_path / "cm3d-remote").exists()


def test_a_read_only_mirror_serves_pulls(origin: Clone, tmp_path: Path) -> None:
    origin.dvc("push")
    with servers.http(tmp_path / "cm3d-remote") as served:
        clone = use(clone_of(origin), served)
        clone.dvc("pull")
        assert labels(clone) == labels(origin)
        assert "are whole" in check(clone)


class _Breaking(SimpleHTTPRequestHandler):
    """Serves listings and so many files; then it hangs up in the middle of each."""

    left = 0
    served: list[str]

    def do_GET(self) -> None:
        is_file = re.fullmatch(r"/files/md5/../\w{30}", self.path)
        if not is_file or self.left > 0:
            if is_file:
                type(self).left -= 1
                self.served.append(self.path)
            super().do_GET()
        else:
            self.send_response(200)
            self.send_header("Content-Length", "400000")
            self.end_headers()
            self.wfile.write(b"half")
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        pass


def test_an_interrupted_pull_continues(origin: Clone, tmp_path: Path) -> None:
    """Three files come; the rest does later, and those do not come again."""
    origin.dvc("push")
    handler = type("Handler", (_Breaking,), {"left": 3, "served": []})
    serve = partial(handler, directory=str(tmp_path / "cm3d-remote"))
    with ThreadingHTTPServer(("127.0.0.1", 0), serve) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        clone = use(clone_of(origin), Served(f"http://127.0.0.1:{server.server_port}"))
        assert clone.run(sys.executable, "-m", "dvc", "pull", "-j", "1", check=False).returncode
        assert not labels(clone)
        handler.left = 100
        clone.dvc("pull")
        server.shutdown()
    assert labels(clone) == labels(origin)
    assert len(handler.served) == len(set(handler.served)) == 6


def test_a_killed_push_by_ssh_continues(origin: Clone, tmp_path: Path) -> None:
    with servers.ssh(tmp_path / "server") as served:
        pushing = use(origin, served)
        command = (sys.executable, "-m", "dvc", "push", "-j", "1")
        with subprocess.Popen(command, cwd=origin.root, env=pushing.environment) as process:
            while process.poll() is None:
                if any(path.is_file() for path in (tmp_path / "server/remote").rglob("*")):
                    process.kill()
                time.sleep(0.005)
        assert "missing in the remote" in check(pushing)
        pushing.dvc("push")
        assert "are whole" in check(pushing)


def test_a_corrupt_object_is_not_taken_over_and_is_named(origin: Clone, tmp_path: Path) -> None:
    origin.dvc("push")
    content = labels(origin)["scene-2.parquet"]
    stored = (path for path in (tmp_path / "cm3d-remote").rglob("*") if path.is_file())
    (broken,) = (path for path in stored if path.read_bytes() == content)
    broken.chmod(0o644)
    broken.write_bytes(b"torn")
    clone = clone_of(origin)
    done = clone.run(sys.executable, "-m", "dvc", "pull", check=False)
    assert done.returncode and "data/pseudo_labels" in done.stderr
    assert not labels(clone)
    assert check(clone) == (
        f"{LABELS}/scene-2.parquet: corrupt in the remote, {broken}\n"
        "error: 1 files are broken; run `make mend-remote`\nexit 1"
    )
    assert "to be sent again" in check(clone, "--mend")
    assert not broken.exists()
    origin.dvc("push")
    clone.dvc("pull")
    assert labels(clone) == labels(origin)


def test_the_check_refuses_what_is_no_output(origin: Clone) -> None:
    assert check(origin, "data/masks") == (
        "error: data/masks: no output of dvc.lock; name one as data/pseudo_labels\nexit 1"
    )
