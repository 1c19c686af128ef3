import subprocess
import sys
from pathlib import Path


def test_workers_end_with_helpers_of_their_own(tmp_path: Path, project: Path) -> None:
    """They would wait for these at their end, and these for work."""
    (tmp_path / "work.py").write_text(
        "from functools import cache\n"
        "from cm3d.execution.lifetime import helper_pool\n"
        "pool = cache(helper_pool)\n"
        "def length(scene):\n"
        "    return pool(2).submit(len, scene).result()\n"
    )
    (tmp_path / "stage.py").write_text(
        "import work\n"
        "from cm3d.execution.processes import in_processes\n"
        "if __name__ == '__main__':\n"
        "    print(sorted(in_processes(work.length, ['a', 'bb', 'ccc', 'dddd'], 2, [])))\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "stage"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(project / "src")},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == "[('a', 1), ('bb', 2), ('ccc', 3), ('dddd', 4)]\n"
    assert done.stderr == ""
