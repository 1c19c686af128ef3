"""Stages in processes that have their libraries imported, which takes longer than most test work.

A server, which is this file by itself, imports libraries, none of the project's modules, and forks
for every stage that it is asked for. The fork runs the stage's module as `python -m` would.
"""

import importlib
import json
import os
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

_LIBRARIES: Final = (
    *("cv2", "numpy", "pandas", "pyarrow.parquet", "pydantic", "safetensors.torch"),
    *("scipy.optimize", "scipy.spatial", "torch", "yaml"),
)


class Server:
    """Runs one module after the other; started when the first is asked for."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def run(
        self, module: str, arguments: Sequence[str], root: Path, environment: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """Run a module of a project; what came of it, output captured."""
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, __file__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
                text=True,
            )
        assert self._process.stdin is not None and self._process.stdout is not None
        with tempfile.TemporaryDirectory() as folder:
            streams = Path(folder) / "out", Path(folder) / "err"
            request = {
                "argv": [module, *arguments],
                "root": str(root),
                "environment": dict(environment),
                "streams": [str(path) for path in streams],
            }
            print(json.dumps(request), file=self._process.stdin, flush=True)
            code = int(self._process.stdout.readline())
            out, err = (path.read_text() for path in streams)
        return subprocess.CompletedProcess([module, *arguments], code, out, err)

    def close(self) -> None:
        """End it, if it was started."""
        if self._process is not None:
            self._process.communicate()


def _serve() -> None:
    """Answer each line of input, a module to run, with its exit code."""
    for library in _LIBRARIES:
        importlib.import_module(library)
    for line in sys.stdin:
        child = os.fork()
        if not child:
            _become(json.loads(line))
            return
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _become(request: Mapping[str, Any]) -> None:
    """Run a module as if this process had been started for it."""
    files = os.devnull, *request["streams"]
    for number, file in enumerate(files):
        opened = os.open(file, os.O_RDWR | os.O_CREAT)
        os.dup2(opened, number)
        os.close(opened)
    os.chdir(request["root"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.path[:1] = [request["root"], f"{request['root']}/src"]  # in place of this file's folder
    sys.argv = list(request["argv"])
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _serve()
