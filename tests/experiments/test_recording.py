import io
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from cm3d.errors import InputError
from experiments import recording
from experiments.paper_tables import Row
from experiments.trials import Trial

ROW = Row(name="no map", target="evaluate@lifted")
CHANGES = {"lift.orientation.use_map": False, "seed": 3}
TRIAL = Trial(ROW, 3, 0, CHANGES, (ROW.target,), "evaluate-1")


@dataclass
class Process:
    """A recorder that keeps what it is told."""

    stdin: io.StringIO = field(default_factory=io.StringIO)
    told: str = ""

    def wait(self, _: float) -> int:
        return 0


@pytest.fixture
def told(bare_workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What a recorder is told, once the table has ended."""
    monkeypatch.setattr(recording, "pipeline_state", lambda: "c0ffee")
    process = Process()
    process.stdin.close = lambda: None  # type: ignore[method-assign]
    monkeypatch.setattr(recording, "start", lambda: process)
    return lambda: [json.loads(line) for line in process.stdin.getvalue().splitlines()]


def test_a_table_that_runs_nothing_starts_no_recorder(told: Any) -> None:
    with recording.recording("table2", []):
        pass
    assert told() == []


def test_a_trial_is_told_of_with_what_it_changes(told: Any) -> None:
    with recording.recording("table2", ["smoke"]) as record:
        with record.running(TRIAL):
            pass
        record.found(TRIAL)
        record.written("| a |", [Path("a.md")])
    table, trial, end, found, close = told()
    assert (table["name"], table["tags"]) == (
        "table2 smoke",
        {"table": "table2", "preset": "smoke"},
    )
    assert (trial["experiment"], trial["title"]) == ("evaluate-1", "no map, seed 3")
    assert trial["base"]["lift"]["orientation"]["use_map"] is True
    assert trial["params"]["lift"]["orientation"]["use_map"] is False
    # both are with the preset, of which nothing is a change of the row
    assert trial["base"]["simulation"] == trial["params"]["simulation"]
    assert (trial["finished"], found["finished"]) == (False, True)
    assert end == {"what": "end", "status": "FINISHED"}
    assert close == {
        "what": "close",
        "status": "FINISHED",
        "description": "| a |",
        "artifacts": ["a.md"],
    }


@pytest.mark.parametrize(
    ("error", "status"), [(InputError, "FAILED"), (KeyboardInterrupt, "KILLED")]
)
def test_what_fails_or_is_killed_is_told_as_that(
    told: Any, error: type[BaseException], status: str
) -> None:
    with (
        pytest.raises(error),
        recording.recording("table2", []) as record,
        record.running(TRIAL),
    ):
        raise error
    assert [(line["what"], line["status"]) for line in told()[2:]] == [
        ("end", status),
        ("close", status),
    ]


def test_other_code_and_other_presets_are_other_tables(
    told: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with recording.recording("table2", []) as record:
        record.found(TRIAL)
    monkeypatch.setattr(recording, "pipeline_state", lambda: "c0ffef")
    for presets in ([], ["smoke"]):
        with recording.recording("table2", presets) as record:
            record.found(TRIAL)
    states = [line["identity"]["table.state"] for line in told() if line["what"] == "table"]
    assert len(set(states)) == 3
