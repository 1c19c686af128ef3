"""Fetching and pinning, from a hub that this test runs."""

import hashlib
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from huggingface_hub import constants

from cm3d.errors import InputError
from cm3d.params import read_yaml
from cm3d.shelf.pretrained import model_folder
from experiments.weights import named, sections

COMMIT = "0123456789abcdef0123456789abcdef01234567"
SAFE = {"config.json": b"{}", "model.safetensors": b"12345", "pytorch_model.bin": b"not wanted"}
OLD = {"config.json": b"{}", "vocab.txt": b"a", "pytorch_model.bin": b"123", "tf_model.h5": b"no"}
FILES = {"org/safe": SAFE, "org/old": OLD, "org/bare": {"config.json": b"{}", "model.pth": b"1"}}


class Hub(BaseHTTPRequestHandler):
    """The part of the hub's interface that fetching needs."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = self.path.partition("?")[0].lstrip("/")
        for model, files in FILES.items():
            if path == f"api/models/{model}/revision/main":
                return self.answer(json.dumps({"id": model, "sha": COMMIT}).encode())
            if path.startswith(f"api/models/{model}/tree/{COMMIT}"):
                return self.answer(json.dumps([entry(*file) for file in files.items()]).encode())
            if path.startswith(f"{model}/resolve/{COMMIT}/"):
                return self.answer(files[path.rpartition("/")[2]])
        return self.answer(b"{}", 404)

    def answer(self, body: bytes, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", "application/json")
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{oid(body)}"')
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


def oid(body: bytes) -> str:
    return hashlib.sha1(b"blob %d\0%b" % (len(body), body)).hexdigest()


def entry(path: str, body: bytes) -> dict[str, object]:
    return {"type": "file", "path": path, "size": len(body), "oid": oid(body)}


@pytest.fixture(scope="module")
def hub() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def workspace(tmp_path: Path, project: Path) -> Path:
    """A folder with params.yaml, and an empty cache of the hub."""
    text = re.sub(r"revision: \w+", "revision:", (project / "params.yaml").read_text())
    text = text.replace("IDEA-Research/grounding-dino-base", "org/safe")
    text = text.replace("google/owlv2-base-patch16-ensemble", "org/old")
    text = text.replace("openai/clip-vit-base-patch32", "org/bare")
    (tmp_path / "params.yaml").write_text(text)
    return tmp_path


def fetch(name: str, workspace: Path, endpoint: str) -> subprocess.CompletedProcess[str]:
    known = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    paths = [str(path) for path in sys.path if path]
    return subprocess.run(
        [sys.executable, "-m", "experiments.weights", name],
        cwd=workspace,
        env=known
        | {"HF_ENDPOINT": endpoint, "HF_HOME": str(workspace / "hf"), "NO_PROXY": "127.0.0.1"}
        | {"HF_HUB_DISABLE_PROGRESS_BARS": "1"}
        | {"PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=False,
    )


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_model_is_fetched_pinned_and_found(
    hub: str, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (workspace / "params.yaml").read_text()
    outcome = fetch("grounding_dino", workspace, hub)
    assert outcome.returncode == 0, outcome.stderr
    pinned = f"revision: {COMMIT}"
    after = (workspace / "params.yaml").read_text()
    assert read_yaml(workspace / "params.yaml")["detect2d"]["grounding_dino"]["revision"] == COMMIT
    assert after.count(pinned) == 1
    assert len(after.splitlines()) == len(before.splitlines())

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(workspace / "hf/hub"))
    folder = model_folder("org/safe", COMMIT, "detect2d.grounding_dino")
    assert names(folder) == ["config.json", "model.safetensors"]
    assert (folder / "model.safetensors").read_bytes() == b"12345"
    with pytest.raises(InputError, match=r"detect2d\.owlv2: no weights of org/old at 01234567"):
        model_folder("org/old", COMMIT, "detect2d.owlv2")


def test_without_safetensors_it_is_the_bin_file(
    hub: str, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert fetch("owlv2", workspace, hub).returncode == 0
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(workspace / "hf/hub"))
    folder = model_folder("org/old", COMMIT, "detect2d.owlv2")
    assert names(folder) == ["config.json", "pytorch_model.bin", "vocab.txt"]


def test_what_cannot_be_fetched_is_said_in_one_line(hub: str, workspace: Path) -> None:
    before = (workspace / "params.yaml").read_text()
    for name, endpoint, reason in [
        ("clip", hub, "org/bare has neither"),
        ("clip", "http://127.0.0.1:1", "org/bare: not fetched; check name and connection"),
    ]:
        outcome = fetch(name, workspace, endpoint)
        assert outcome.returncode == 1
        assert reason in outcome.stderr
        assert "Traceback" not in outcome.stderr
        assert len(outcome.stderr.strip().splitlines()) == 1
    assert (workspace / "params.yaml").read_text() == before


def test_sections_are_found_by_the_end_of_their_path_or_by_one_above() -> None:
    pair = {"model": "a/b", "revision": None}
    segment = {"sam": {"use": "sam", "models": {"sam": pair, "sam2": pair}}, "width": 3}
    values = {"sam3d": {"sam": pair}, "segment": segment}
    models = ["segment.sam.models.sam", "segment.sam.models.sam2"]
    assert list(sections(values)) == ["sam3d.sam", *models]
    assert named(values, "sam") == ["sam3d.sam", "segment.sam.models.sam"]
    assert named(values, "sam2") == ["segment.sam.models.sam2"]
    assert named(values, "models.sam") == ["segment.sam.models.sam"]
    assert named(values, "segment") == named(values, "segment.sam") == models
    for unknown in ("", "sam3", "segment.width", "am2"):
        with pytest.raises(InputError, match=r"there are sam3d\.sam, segment\.sam\.models\.sam, "):
            named(values, unknown)
