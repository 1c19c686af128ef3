"""SIGKILL at random moments of every stage, and after every step of a training.

Afterwards the stage is run to its end, and must leave the bytes of an undisturbed run, finish no
scene twice, and leave no process and no unfinished file.
"""

import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trust.clone import Clone
from trust.finished import finished_scenes, repeated
from trust.kinds import Kind, all_kinds
from trust.lanes import in_lanes
from trust.moments import Hit, chains, quotas
from trust.outcome import Cell, Outcome
from trust.processes import Ended, Running
from trust.steps import kill_at_every_step
from trust.trees import content_of, differences, leftovers
from trust.workplace import Workplace, restore

_SEED: Final = 0
_KILLS: Final = 100
_SUMMED: Final = (
    *("took_s", "kills", "survived", "ends", "equal", "kept_scenes", "repeated", "orphans"),
    *("left", "left_in_tmp"),
)
_SHORT_KINDS: Final = ("lift", "finetune", "evaluate@lifted")


@dataclass
class Tally:
    """What happened to the stages of one kind."""

    kind: str
    took_s: float = 0.0
    kills: int = 0
    survived: int = 0
    ends: int = 0
    equal: int = 0
    kept_scenes: int = 0
    repeated: int = 0
    orphans: int = 0
    left: int = 0
    left_in_tmp: int = 0
    faults: tuple[str, ...] = ()

    def row(self) -> dict[str, Cell]:
        """As a row of the table."""
        return {
            "stage": self.kind,
            "undisturbed (s)": round(self.took_s, 1),
            "kills": self.kills,
            "survived": self.survived,
            "then run to the end": self.ends,
            "equal bytes": self.equal,
            "finished scenes found": self.kept_scenes,
            "of these made again": self.repeated,
            "orphans": self.orphans,
            "files left": self.left,
            "left in TMPDIR": self.left_in_tmp,
        }


def measure(place: Workplace) -> Outcome:
    """Kill, resume, compare."""
    kinds = [kind for kind in all_kinds() if not place.short or kind.name in _SHORT_KINDS]
    quota = quotas(tuple(kind.name for kind in kinds), len(kinds) if place.short else _KILLS)

    def work(clone: Clone, scratch: Path, kind: Kind) -> Tally:
        return hit_kind(place, clone, scratch, kind, quota[kind.name])

    tallies = in_lanes(place, "kills", kinds, work)
    steps = kill_at_every_step(place)
    faults = [fault for tally in tallies for fault in tally.faults]
    total = Tally("all")
    for name in _SUMMED:
        setattr(total, name, sum(getattr(tally, name) for tally in tallies))
    return Outcome(
        tried=total.kills + steps.kills,
        kept=total.survived + (steps.kills if not steps.faults else 0),
        rows=[*(tally.row() for tally in tallies), total.row()],
        faults=[*faults, *steps.faults],
        notes=[
            f"Seed {_SEED}; up to three kills in a row before the run to the end; one in four hits "
            "all processes of the stage, the others its first alone. What is left in TMPDIR is "
            "that of killed processes, which nobody can clean up, and is no fault.",
            steps.sentence(),
        ],
    )


def hit_kind(place: Workplace, clone: Clone, scratch: Path, kind: Kind, quota: int) -> Tally:
    """Kill a stage so many times, each time in the middle of its work."""
    tally, reference = Tally(kind.name), content_of(place.base.root, kind)
    ended = Running(clone, kind, scratch).end()
    tally.took_s = ended.took_s
    _judge(place, clone, kind, tally, ended, reference)
    tally.ends = tally.equal = 0
    for chain in chains(_SEED, kind.name):
        if tally.kills >= quota:
            break
        faults, kills = len(tally.faults), tally.kills
        _hit_in_a_row(clone, scratch, kind, tally, chain[: quota - tally.kills])
        before = finished_scenes(clone.root, kind)
        ended = Running(clone, kind, scratch).end()
        again = repeated(clone.root, before)
        tally.kept_scenes += len(before)
        tally.repeated += len(again)
        if again:
            tally.faults += (f"{kind.name}: {len(again)} finished scenes made again: {again[0]}",)
        _judge(place, clone, kind, tally, ended, reference)
        if len(tally.faults) == faults:
            tally.survived += tally.kills - kills
    return tally


def _hit_in_a_row(
    clone: Clone, scratch: Path, kind: Kind, tally: Tally, chain: tuple[Hit, ...]
) -> None:
    for hit in chain:
        running = Running(clone, kind, scratch)
        running.wait_until(hit.share * tally.took_s)
        tally.kills += running.hit(signal.SIGKILL, group=hit.group)
        ended = running.end()
        tally.left_in_tmp += len(ended.temporary)
        if ended.orphans:
            tally.orphans += len(ended.orphans)
            when = f"killed after {hit.share * tally.took_s:.1f} s"
            tally.faults += (f"{kind.name}: {when}, left running: {ended.orphans[0]}",)


def _judge(
    place: Workplace,
    clone: Clone,
    kind: Kind,
    tally: Tally,
    ended: Ended,
    reference: dict[str, str],
) -> None:
    """Compare what a run to the end has left with an undisturbed run."""
    tally.ends += 1
    found = differences(reference, content_of(clone.root, kind))
    left = leftovers(clone.root) + list(ended.temporary)
    tally.left += len(left)
    if ended.code != 0:
        last = ended.said.strip().splitlines()[-1:] or ["nothing said"]
        tally.faults += (f"{kind.name}: ends with {ended.code}: {last[0][:200]}",)
    elif found:
        tally.faults += (f"{kind.name}: {len(found)} outputs not as undisturbed: {found[0]}",)
    else:
        tally.equal += 1
    if left:
        tally.faults += (f"{kind.name}: left {', '.join(left[:3])}",)
    if ended.code or found or left:
        restore(place, clone, kind)
