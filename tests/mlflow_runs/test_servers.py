"""MLflow on PostgreSQL with its files in an S3 store, both started here, and behind its server."""

import os
import pwd
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from cm3d.mlflow_runs.store import Store, open_store

SECRET = "p4ss/w@rd"
QUOTED = "p4ss%2Fw%40rd"
BUCKET = "lab"
TRACK = """
import os, sys
from pathlib import Path
from cm3d.mlflow_runs import Content, read_provenance, record_run
root = Path(sys.argv[1])
scores = {"finetune": {"mAP": int(sys.argv[2]) / 8}}
history = {"pretrain": root / "history.csv"}
content = Content(root, {"seed": 0}, scores=scores, curves=history, artifacts=[Path("history.csv")])
run = record_run(read_provenance(root, {"fuse"}), content)
print(run.name, run.uri)
"""


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def postgresql() -> Path:
    """Folder of PostgreSQL's programs, or a skip."""
    pytest.importorskip("psycopg2", reason="no PostgreSQL client: requirements-mlflow.txt")
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: float(p.parent.name))
    found = [folder for folder in folders if (folder / "initdb").is_file()]
    if not found:
        pytest.skip("no PostgreSQL: apt-get install postgresql")
    return found[-1]


def owner() -> dict[str, Any]:
    """PostgreSQL refuses to run as root; then its package's own user does."""
    if os.geteuid() != 0:
        return {}
    try:
        user = pwd.getpwnam("postgres")
    except KeyError:
        pytest.skip("no user postgres, and PostgreSQL does not run as root")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


@pytest.fixture(scope="module")
def database() -> Iterator[int]:
    """The port of a PostgreSQL server that asks for a password."""
    programs, runs_as, port = postgresql(), owner(), free_port()
    folder = Path(tempfile.mkdtemp(prefix="cm3d-pg-", dir="/tmp"))  # others may enter it
    try:
        (folder / "password").write_text(SECRET)
        for path in (folder, folder / "password"):
            if runs_as:
                os.chown(path, runs_as["user"], runs_as["group"])
        make = [programs / "initdb", "-D", folder / "data", "-U", "me", "-A", "scram-sha-256",
                "-E", "UTF8", "--locale", "C",
                "--pwfile", folder / "password", "--no-sync"]  # fmt: skip
        subprocess.run(make, check=True, capture_output=True, cwd=folder, **runs_as)
        command = [programs / "postgres", "-D", folder / "data", "-p", str(port), "-h", "127.0.0.1",
                   "-k", folder, "-c", "fsync=off"]  # fmt: skip
        log = (folder / "log").open("w")
        server = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, **runs_as)
        wait_until(lambda: "ready to accept connections" in (folder / "log").read_text())
        yield port
        server.terminate()
        server.wait()
        log.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def bucket() -> Iterator[Any]:
    """A client of an S3 server with one bucket; the environment says how to reach it."""
    pytest.importorskip("moto", reason="no S3 server: requirements-mlflow.txt")
    boto3 = pytest.importorskip("boto3", reason="no S3 client: requirements-mlflow.txt")
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "AWS_ACCESS_KEY_ID": "me",
            "AWS_SECRET_ACCESS_KEY": "s3cret-of-s3",
            "AWS_DEFAULT_REGION": "us-east-1",
            "MLFLOW_S3_ENDPOINT_URL": f"http://{host}:{port}",
        }.items():
            patch.setenv(name, value)
        client = boto3.client("s3", endpoint_url=f"http://{host}:{port}")
        client.create_bucket(Bucket=BUCKET)
        yield client
    server.stop()


@pytest.fixture
def lab(
    database: int,
    bucket: Any,
    tmp_path: Path,
    write_lock: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """A workspace whose runs go to both."""
    write_lock(tmp_path)
    (tmp_path / "history.csv").write_text("step,loss\n0,2.5\n1,1.5\n")
    uri = f"postgresql://me:{QUOTED}@127.0.0.1:{database}/postgres"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("MLFLOW_DEFAULT_ARTIFACT_ROOT", f"s3://{BUCKET}/runs")
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.delenv("DVC_EXP_NAME", raising=False)
    return tmp_path


def wait_until(ready: Callable[[], bool], patience_s: float = 600.0) -> None:
    end_s = time.monotonic() + patience_s
    while not ready():
        assert time.monotonic() < end_s
        time.sleep(0.2)


def start(root: Path, number: int, **environment: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", TRACK, str(root), str(number)],
        env={
            **os.environ,
            **environment,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "DVC_EXP_NAME": f"experiment-{number}",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def holds_no_secret(text: str) -> bool:
    return not re.search("p4ss|s3cret", text)


def test_four_at_once_on_a_fresh_postgresql_lose_nothing(lab: Path, bucket: Any) -> None:
    processes = [start(lab, number) for number in range(4)]
    said = [process.communicate(timeout=600)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, "\n".join(said)
    assert all(holds_no_secret(text) for text in said), said
    with open_store(Store.from_environment()) as client:
        experiment = client.get_experiment_by_name("cm3d")
        runs = client.search_runs([experiment.experiment_id], order_by=["attributes.run_name"])
        histories = [client.get_metric_history(run.info.run_id, "loss/pretrain") for run in runs]
    assert experiment.artifact_location == f"s3://{BUCKET}/runs"
    assert [run.info.run_name for run in runs] == [f"experiment-{number}" for number in range(4)]
    assert [run.data.metrics["mAP/finetune"] for run in runs] == [0, 0.125, 0.25, 0.375]
    assert [[point.value for point in history] for history in histories] == [[2.5, 1.5]] * 4
    assert all(holds_no_secret(str(run.to_dictionary())) for run in runs)
    files = {entry["Key"] for entry in bucket.list_objects_v2(Bucket=BUCKET)["Contents"]}
    folders = [f"runs/{run.info.run_id}/artifacts" for run in runs]
    wanted = {f"{folder}/{name}" for folder in folders for name in ("history.csv", "params.yaml")}
    assert files == wanted
    kept = bucket.get_object(Bucket=BUCKET, Key=f"{folders[0]}/history.csv")["Body"].read()
    assert kept == (lab / "history.csv").read_bytes()


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("MLFLOW_TRACKING_URI", "postgresql://me:wr0ng-p4ss@127.0.0.1:{port}/postgres", "password"),
        ("MLFLOW_TRACKING_URI", "postgresql://127.0.0.1:{port}/x?user=me&password=p4ss", "auth"),
        ("MLFLOW_TRACKING_URI", "postgresql://me:p4ss/w@rd@127.0.0.1:{port}/x", "MLflow at"),
        ("MLFLOW_TRACKING_URI", "postgresql://me:p4ss@127.0.0.1:9/x", "refused"),
        ("MLFLOW_DEFAULT_ARTIFACT_ROOT", "s3://no-such-bucket/runs", ""),
    ],
)  # fmt: skip
def test_what_refuses_is_one_line_without_a_secret(
    lab: Path, database: int, variable: str, value: str, words: str
) -> None:
    process = start(lab, 5, **{variable: value.format(port=database)})
    said, _ = process.communicate(timeout=600)
    if not words:  # files lie where the store was made to keep them
        assert process.returncode == 0, said
        return
    assert process.returncode == 1
    line = said.splitlines()[-1]
    assert line.startswith("cm3d.errors.InputError: MLflow at postgresql://"), said
    assert words in line
    assert holds_no_secret(said), said


def test_behind_mlflows_server_the_password_of_its_uri_stays_unsaid(lab: Path, bucket: Any) -> None:
    """MLflow itself would print the URI when the run ends."""
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port),
         "--workers", "1", "--backend-store-uri", os.environ["MLFLOW_TRACKING_URI"],
         "--default-artifact-root", f"s3://{BUCKET}/runs"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    try:
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/health"))
        uri = f"http://me:s3cret-of-http@127.0.0.1:{port}"
        process = start(lab, 6, MLFLOW_TRACKING_URI=uri)
        said, _ = process.communicate(timeout=600)
    finally:
        os.killpg(server.pid, 15)
        server.wait()
    assert process.returncode == 0, said
    assert said == f"experiment-6 http://me:***@127.0.0.1:{port}\n"
    with open_store(Store.from_environment()) as client:
        key = client.get_experiment_by_name("cm3d").experiment_id
        (run,) = client.search_runs([key], "tags.`dvc.exp` = 'experiment-6'")
    assert run.data.metrics["mAP/finetune"] == 0.75
    listed = bucket.list_objects_v2(Bucket=BUCKET, Prefix=f"runs/{run.info.run_id}/")["Contents"]
    assert len(listed) == 2


def answers(url: str) -> bool:
    with suppress(urllib.error.URLError, OSError), urllib.request.urlopen(url, timeout=5) as reply:  # noqa: S310
        return bool(reply.status == 200)
    return False
