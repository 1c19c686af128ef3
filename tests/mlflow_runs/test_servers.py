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
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

SECRET = "p4ss/w@rd"
QUOTED = "p4ss%2Fw%40rd"
BUCKET = "lab"
TRACK = """
import os, sys
from pathlib import Path
import mlflow  # once for all
from cm3d.errors import InputError
from cm3d.mlflow_runs import Content, read_provenance, record_run
root, history = Path(sys.argv[1]), Path(sys.argv[1], "history.csv")

def track(number):
    os.environ["DVC_EXP_NAME"] = f"experiment-{number}"
    scores, curves = {"finetune": {"mAP": number / 8}}, {"pretrain": history}
    content = Content(root, {"seed": 0}, None, scores, curves, [Path("history.csv")])
    try:
        run = record_run(read_provenance(root, {"fuse"}), content)
    except InputError as error:
        return print(error, flush=True)
    print(run.name, run.uri, flush=True)

children = []
for number in map(int, sys.argv[2:]):
    children.append(os.fork())
    if not children[-1]:
        track(number)
        os._exit(0)
for child in children:
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
"""


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def postgresql() -> Path:
    """Folder of PostgreSQL's programs, or a skip."""
    pytest.importorskip("psycopg", reason="no PostgreSQL client: requirements-mlflow.txt")
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


def track(root: Path, *numbers: int, **environment: str) -> list[str]:
    """Record experiments, each by a process of its own, all at once; what they say."""
    done = subprocess.run(
        [sys.executable, "-c", TRACK, str(root), *map(str, numbers)],
        env={**os.environ, **environment, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert not re.search("p4ss|s3cret", done.stdout), done.stdout
    return sorted(done.stdout.splitlines())


def rows(port: int, query: str) -> list[Any]:
    """What is in the database of runs."""
    import psycopg

    where = {"host": "127.0.0.1", "port": port, "user": "me", "dbname": "postgres"}
    with closing(psycopg.connect(**where, password=SECRET)) as connection:
        with connection.cursor() as cursor:
            cursor.execute(query)
            return list(cursor.fetchall())


def test_four_at_once_on_a_fresh_postgresql_lose_nothing(
    lab: Path, database: int, bucket: Any
) -> None:
    said = track(lab, 0, 1, 2, 3)
    uri = f"postgresql://me:***@127.0.0.1:{database}/postgres"
    assert said == [f"experiment-{number} {uri}" for number in range(4)]
    runs = rows(database, "select name, status, run_uuid from runs order by name")
    assert [run[:2] for run in runs] == [(f"experiment-{i}", "FINISHED") for i in range(4)]
    scores = "select value from metrics where key = 'mAP/finetune' order by value"
    assert rows(database, scores) == [(0.0,), (0.125,), (0.25,), (0.375,)]
    losses = "select step, value, count(*) from metrics where key = 'loss/pretrain' group by 1, 2"
    assert sorted(rows(database, losses)) == [(0, 2.5, 4), (1, 1.5, 4)]
    place = "select artifact_location from experiments where name = 'cm3d'"
    assert rows(database, place) == [(f"s3://{BUCKET}/runs",)]
    assert "p4ss" not in str(rows(database, "select key, value from tags"))
    folders = [f"runs/{key}/artifacts" for _, _, key in runs]
    files = {entry["Key"] for entry in bucket.list_objects_v2(Bucket=BUCKET)["Contents"]}
    assert files == {f"{one}/{name}" for one in folders for name in ("history.csv", "params.yaml")}
    kept = bucket.get_object(Bucket=BUCKET, Key=f"{folders[0]}/history.csv")["Body"].read()
    assert kept == (lab / "history.csv").read_bytes()


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("postgresql://me:wr0ng-p4ss@127.0.0.1:{port}/postgres", "authentication failed"),
        ("postgresql://127.0.0.1:{port}/x?user=me&password=p4ss", "authentication failed"),
        ("postgresql://me:p4ss/w@rd@127.0.0.1:{port}/x", "start the server"),
        ("postgresql://me:p4ss@127.0.0.1:9/x", "refused"),
    ],
)
def test_what_refuses_is_one_line_without_a_secret(
    lab: Path, database: int, uri: str, words: str
) -> None:
    (line,) = track(lab, 5, MLFLOW_TRACKING_URI=uri.format(port=database))
    assert line.startswith("MLflow at postgresql://")
    assert words in line


def test_behind_mlflows_server_the_password_of_its_uri_stays_unsaid(
    lab: Path, database: int, bucket: Any
) -> None:
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
        said = track(lab, 6, MLFLOW_TRACKING_URI=f"http://me:s3cret-of-http@127.0.0.1:{port}")
    finally:
        os.killpg(server.pid, 15)
        server.wait()
    assert said == [f"experiment-6 http://me:***@127.0.0.1:{port}"]
    ((key,),) = rows(database, "select run_uuid from runs where name = 'experiment-6'")
    assert len(bucket.list_objects_v2(Bucket=BUCKET, Prefix=f"runs/{key}/")["Contents"]) == 2


def answers(url: str) -> bool:
    with suppress(urllib.error.URLError, OSError), urllib.request.urlopen(url, timeout=5) as reply:  # noqa: S310
        return bool(reply.status == 200)
    return False
