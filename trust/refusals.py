"""The suite of bad input, counted by the door at which it comes in."""

import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter

from trust.clone import PROJECT
from trust.outcome import Cell, Outcome
from trust.workplace import Workplace


def measure(place: Workplace) -> Outcome:
    """Run the suite and count its rows by file."""
    report = place.root / "refusals.xml"
    files = sorted(str(path) for path in (PROJECT / "tests" / "trust").glob("test_*.py"))
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", *files, f"--junitxml={report}"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    if not report.is_file():
        return Outcome(0, 0, [], [f"pytest ended with {done.returncode}: {done.stdout[-300:]}"])
    return counted(report.read_text())


def counted(junit: str) -> Outcome:
    """What a report of pytest says, a row per file."""
    cases = list(ElementTree.fromstring(junit).iter("testcase"))  # noqa: S314 (of pytest)
    tried, failed = Counter[str](), Counter[str]()
    faults = []
    for case in cases:
        door = case.get("classname", "").rpartition(".")[2].removeprefix("test_")
        if case.find("skipped") is not None:
            continue
        tried[door] += 1
        if case.find("failure") is not None or case.find("error") is not None:
            failed[door] += 1
            faults.append(f"{door}: {case.get('name')}")
    rows: list[dict[str, Cell]] = [
        {"entrance": door, "cases": tried[door], "as promised": tried[door] - failed[door]}
        for door in sorted(tried)
    ]
    return Outcome(tried.total(), tried.total() - failed.total(), rows, faults)
