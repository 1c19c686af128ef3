"""`make audit`: known vulnerabilities of the packages that are pinned, by pip-audit.

It has an environment of its own below `.cache`, so that it audits what is pinned and not itself,
and needs the network.
"""

import json
import subprocess
import sys
import venv
from typing import Any, Final

from trust.clone import PROJECT

_TOOL: Final = "pip-audit==2.9.0"
_HOME: Final = PROJECT / ".cache" / "audit"
_PINS: Final = PROJECT / "constraints.txt"


def main() -> int:
    """Print a line per vulnerability; 1 where there is one or nothing could be found out."""
    tool = _HOME / "bin" / "pip-audit"
    if not tool.is_file():
        venv.create(_HOME, with_pip=True, clear=True)
        install = [str(_HOME / "bin" / "python"), "-m", "pip", "install", "-q", _TOOL]
        done = _run(install)
        if done.returncode:
            return _fail(f"{_TOOL} cannot be installed", done.stderr)
    words = ["--requirement", str(_PINS), "--no-deps", "--disable-pip", "--format", "json"]
    done = _run([str(tool), *words, "--progress-spinner", "off"])
    try:
        found: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        return _fail("nothing could be found out", done.stderr)
    reasons = [package.get("skip_reason") for package in found["dependencies"]]
    if all(reasons):
        return _fail("nothing is known of any package", str(reasons[-1]))
    lines = described(found)
    print("\n".join(lines))
    return int(len(lines) > 1)


def described(found: dict[str, Any]) -> list[str]:
    """A line per vulnerability of pip-audit's JSON, and one of what was looked at."""
    packages: list[dict[str, Any]] = found["dependencies"]
    lines = [
        f"{package['name']} {package['version']}: {weak['id']}, "
        f"mended in {', '.join(weak['fix_versions']) or 'no version yet'}"
        for package in packages
        for weak in package.get("vulns", ())
    ]
    skipped = sum("skip_reason" in package for package in packages)
    return [*lines, f"{len(packages)} packages, {len(lines)} vulnerabilities, {skipped} unknown"]


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)


def _fail(what: str, said: str) -> int:
    reason = (said.strip().splitlines() or ["no reason given"])[-1]
    print(f"error: audit: {what} ({reason[:200]}); it needs the network", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
