"""The harness of `make trust`, a kill and a signal of each kind: what it measures holds."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from trust.clone import Clone
from trust.kills import hit_kind
from trust.kinds import all_kinds, kind_of
from trust.signals import Trial, interrupt
from trust.workplace import Workplace


@pytest.fixture
def place(reproduced: Clone) -> Iterator[Workplace]:
    # pytest's own folders have paths too long for sockets
    with tempfile.TemporaryDirectory() as folder:
        yield Workplace(Path(folder), reproduced, short=True)


def test_a_killed_stage_comes_to_the_same_bytes(place: Workplace, copy: Clone) -> None:
    tally = hit_kind(place, copy, place.scratch("kill"), kind_of("lift"), 1)
    assert tally.faults == ()
    assert (tally.kills, tally.survived) == (1, 1)
    assert tally.ends == tally.equal > 0  # more than one where it was done before it was hit


def test_a_stage_that_gets_a_signal_ends_in_a_line(place: Workplace, copy: Clone) -> None:
    tally = interrupt(place, copy, place.scratch("signal"), Trial(kind_of("fuse"), 1))
    assert tally.faults == ()
    assert tally.tried == tally.kept > 0


def test_every_script_and_scorer_is_a_kind() -> None:
    modules = {kind.module for kind in all_kinds()}
    assert {"stages.download", "stages.selftrain", "stages.predict", "stages.track"} <= modules
    assert len([kind for kind in all_kinds() if kind.module == "stages.evaluate"]) == 5
