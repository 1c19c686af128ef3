"""SIGTERM to a stage, and Ctrl-C to all its processes, at random moments.

It ends soon and in few words, by the exit code of the signal; run again it comes to the same bytes.
"""

import random
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trust.clone import Clone
from trust.kinds import Kind, all_kinds
from trust.lanes import in_lanes
from trust.outcome import Cell, Outcome
from trust.processes import Ended, Running
from trust.trees import content_of, differences, leftovers
from trust.workplace import Workplace, restore

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
_SHORT_KINDS: Final = ("segment", "finetune")
# From the first moment at which Python can know of signals to the last scene.
_SHARES: Final = ((0.05, 0.3), (0.3, 0.6), (0.6, 0.95))
_SEED: Final = 0
_SOON_S: Final = 10.0
_MOST_LINES: Final = 2
_PROGRESS: Final = ("to do", " done, in ", " a second, ", "note: ")
_SCHEDULES: Final = ("pretrain", "finetune", "selftrain")
# Before Python has started, a signal ends the process without a word.
_SILENT_S: Final = 0.5


@dataclass(frozen=True)
class Trial:
    """A stage and how it is hit: once per signal and third of its duration."""

    kind: Kind
    trainers: int


@dataclass
class Tally:
    """What came of the trials of one stage."""

    title: str
    tried: int = 0
    kept: int = 0
    slowest_s: float = 0.0
    most_lines: int = 0
    faults: tuple[str, ...] = ()

    def row(self) -> dict[str, Cell]:
        """As a row of the table."""
        return {
            "stage": self.title,
            "signals": self.tried,
            "kept": self.kept,
            "slowest end (s)": round(self.slowest_s, 1),
            "most lines": self.most_lines,
        }


def measure(place: Workplace) -> Outcome:
    """Interrupt, look, resume, compare."""
    trials = [Trial(kind, 1) for kind in all_kinds()]
    trials.append(Trial(next(kind for kind in all_kinds() if kind.trains), 2))
    if place.short:
        trials = [trial for trial in trials if trial.kind.name in _SHORT_KINDS]

    def work(clone: Clone, scratch: Path, trial: Trial) -> Tally:
        return interrupt(place, clone, scratch, trial)

    tallies = in_lanes(place, "signals", trials, work)
    return Outcome(
        tried=sum(tally.tried for tally in tallies),
        kept=sum(tally.kept for tally in tallies),
        rows=[tally.row() for tally in tallies],
        faults=[fault for tally in tallies for fault in tally.faults],
        notes=[
            f"SIGTERM goes to the first process, SIGINT to all. Kept: no traceback, {_MOST_LINES} "
            f"lines at most beside the progress, at least one after {_SILENT_S} s, exit code 128 "
            f"and the signal's number, an end within {_SOON_S:.0f} s, no process and no temporary "
            "file left, the same bytes after another run."
        ],
    )


def interrupt(place: Workplace, clone: Clone, scratch: Path, trial: Trial) -> Tally:
    """Hit one stage by each signal, in each third of its duration."""
    kind, several = trial.kind, trial.trainers > 1
    tally = Tally(f"{kind.name}, {trial.trainers} trainers" if several else kind.name)
    # each of several trainers needs a frame of every batch, of the smaller ones too
    sizes = {f"{name}.batch_size": 2 * trial.trainers for name in _SCHEDULES}
    clone.override({"execution.trainers": trial.trainers} | (sizes if several else {}))
    undisturbed = Running(clone, kind, scratch).end()
    took_s = undisturbed.took_s
    if undisturbed.code:
        last = undisturbed.said.strip().splitlines()[-1:] or ["nothing said"]
        tally.faults += (f"{tally.title}: undisturbed, it ends in: {last[0][:200]}",)
        return tally
    # several trainers round in an order of their own, so that they have a reference of their own
    reference = content_of(clone.root if several else place.base.root, kind)
    rng = random.Random(f"{_SEED} {tally.title}")
    for number in _SIGNALS:
        for share in (rng.uniform(*ends) for ends in (_SHARES[1:2] if place.short else _SHARES)):
            running = Running(clone, kind, scratch)
            running.wait_until(share * took_s)
            hit_s = running.passed_s
            if not running.hit(number, group=number == signal.SIGINT):
                running.end()
                continue
            ended = running.end()
            tally.tried += 1
            tally.slowest_s = max(tally.slowest_s, ended.took_s - hit_s)
            tally.most_lines = max(tally.most_lines, len(words_of(ended.said)))
            faults = [*faults_of(ended, number, hit_s), *_resumed(clone, scratch, kind, reference)]
            tally.kept += not faults
            moment = f"{tally.title}: {signal.Signals(number).name} after {hit_s:.1f} s"
            tally.faults += tuple(f"{moment}: {fault}" for fault in faults)
            if faults:
                restore(place, clone, kind)
    clone.override({"execution.trainers": 1} | dict.fromkeys(sizes, 1))
    restore(place, clone, kind)
    return tally


def words_of(said: str) -> list[str]:
    """Lines that a stage has said beside its progress."""
    lines = (line.strip() for line in said.splitlines())
    return [line for line in lines if line and not any(word in line for word in _PROGRESS)]


def faults_of(ended: Ended, number: int, hit_s: float) -> list[str]:
    """What is wrong with the way in which a stage has ended after a signal."""
    faults, words = [], words_of(ended.said)
    if "Traceback" in ended.said:
        faults.append(f"a traceback, {len(words)} lines in all: {words[-1][:100]}")
    elif len(words) > _MOST_LINES:
        faults.append(f"{len(words)} lines: {words[0][:100]}")
    elif not words and hit_s > _SILENT_S and ended.code != 0:
        faults.append("not a word")
    if ended.code not in (0, 128 + number, -number):
        faults.append(f"exit code {ended.code}")
    if ended.took_s - hit_s > _SOON_S:
        faults.append(f"ended {ended.took_s - hit_s:.0f} s later")
    if ended.orphans:
        faults.append(f"left running: {ended.orphans[0]}")
    if ended.temporary:
        faults.append(f"left in TMPDIR: {', '.join(ended.temporary[:3])}")
    return faults


def _resumed(clone: Clone, scratch: Path, kind: Kind, reference: dict[str, str]) -> list[str]:
    ended = Running(clone, kind, scratch).end()
    if ended.code:
        return [f"run again, it ends with {ended.code}"]
    found = [*differences(reference, content_of(clone.root, kind)), *leftovers(clone.root)]
    return [f"run again: {found[0]}"] if found else []
