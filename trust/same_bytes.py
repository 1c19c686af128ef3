"""The same bytes: forced again, by any engine and workers, in any locale and time zone."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from trust.clone import Clone
from trust.kinds import Kind, all_kinds
from trust.lanes import in_lanes
from trust.outcome import Cell, Outcome
from trust.processes import Running
from trust.trees import content_of, differences, digests
from trust.workplace import Workplace

_FORCED: Final = "dvc repro --force"
_OUTPUTS: Final = ("data", "metrics")
_FORCED_RUNS: Final = 2


@dataclass(frozen=True)
class Variant:
    """Circumstances that must change nothing.

    Args:
        title: In words.
        execution: Overrides of params.yaml.
        environment: Variables.
        everything: Whether trainings are reached as well.
    """

    title: str
    execution: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    everything: bool = False


VARIANTS: Final = (
    Variant("1 worker, engine serial", {"execution.engine": "serial", "execution.workers": 1}),
    Variant("4 workers, engine processes", {"execution.workers": 4}),
    Variant("2 workers, engine ray", {"execution.engine": "ray"}),
    Variant(
        "LC_ALL=C, TZ=Pacific/Kiritimati, PYTHONHASHSEED=0",
        environment={
            "LC_ALL": "C",
            "TZ": "Pacific/Kiritimati",
            "PYTHONHASHSEED": "0",
        },
        everything=True,
    ),
    Variant(
        "LC_ALL=tr_TR.UTF-8, TZ=America/St_Johns, PYTHONHASHSEED=4242",
        environment={
            "LC_ALL": "tr_TR.UTF-8",
            "LANG": "tr_TR.UTF-8",
            "TZ": "America/St_Johns",
            "PYTHONHASHSEED": "4242",
        },
        everything=True,
    ),
)


@dataclass(frozen=True)
class Compared:
    """What one variant gave."""

    title: str
    stages: int
    files: int
    faults: tuple[str, ...]

    def row(self) -> dict[str, Cell]:
        """As a row of the table."""
        return {
            "circumstances": self.title,
            "stages": self.stages,
            "files compared": self.files,
            "that differ": len(self.faults),
        }


def measure(place: Workplace) -> Outcome:
    """Run everything again under other circumstances and compare with the base."""
    variants = VARIANTS[:1] if place.short else VARIANTS
    forced = [] if place.short else [Variant(f"{_FORCED}, {n + 1}") for n in range(_FORCED_RUNS)]

    def work(clone: Clone, scratch: Path, variant: Variant) -> Compared:
        if variant in forced:
            return compare_forced(place, clone, variant)
        return compare(place, clone, scratch, variant)

    found = in_lanes(place, "bytes", [*forced, *variants], work)
    return Outcome(
        tried=len(found),
        kept=sum(not compared.faults for compared in found),
        rows=[compared.row() for compared in found],
        faults=[f"{c.title}: {fault}" for c in found for fault in c.faults[:3]],
        notes=[
            "Compared with the first `dvc repro`: 2 workers, engine processes. Engines and workers "
            "reach all stages but trainings; one stage of each kind was run, and with "
            f"`{_FORCED}` all. A locale that the machine does not have falls back to C."
        ],
    )


def compare(place: Workplace, clone: Clone, scratch: Path, variant: Variant) -> Compared:
    """Run one stage of each kind."""
    kinds = [kind for kind in all_kinds() if is_reached(kind, variant)]
    if place.short:
        kinds = [kind for kind in kinds if kind.name in ("lift", "sam3d", "fuse")]
    before = {"execution.engine": "processes", "execution.workers": 2}
    clone.override(variant.execution)
    files, faults = 0, list[str]()
    for kind in kinds:
        ended = Running(clone, kind, scratch, variant.environment).end()
        if ended.code:
            faults.append(f"{kind.name} ends with {ended.code}: {ended.said.strip()[-150:]}")
        now = content_of(clone.root, kind)
        files += len(now)
        faults += differences(content_of(place.base.root, kind), now)
    clone.override(before)
    return Compared(variant.title, len(kinds), files, tuple(faults))


def is_reached(kind: Kind, variant: Variant) -> bool:
    """Whether a stage could feel the circumstances."""
    return kind.name != "track" and (variant.everything or kind.works_by_scene)


def compare_forced(place: Workplace, clone: Clone, variant: Variant) -> Compared:
    """Run the whole graph again."""
    said = clone.dvc("repro", "--force")
    before, now = (digests(root, _OUTPUTS) for root in (place.base.root, clone.root))
    return Compared(
        variant.title, said.count("Running stage"), len(now), tuple(differences(before, now))
    )
