"""Truth that nobody may see is exchanged: no byte of labels and models may change, scores must."""

import sys
from pathlib import Path
from typing import Final

from cm3d.execution.pipeline import read_stages
from cm3d.execution.progress import followed
from cm3d.params import load_params
from cm3d.tables import layout
from trust.clone import PROJECT, Clone
from trust.hidden_truth import change_index, change_raw, hidden_keyframes
from trust.kinds import Kind, kind_of
from trust.outcome import Cell, Outcome
from trust.processes import Running
from trust.trees import content_of, differences, digests
from trust.workplace import Workplace

_SHORT: Final = ("lift", "fuse", "finetune", "evaluate@pseudo_labels_unlabelled")
_LEFT_OUT: Final = ("download", "track")
# What the exchanged truth must reach, or the exchange has done nothing.
_SCORED: Final = (
    *("evaluate@boxes2d", "evaluate@masks", "evaluate@pseudo_labels_unlabelled"),
    "evaluate@finetune",
)


def measure(place: Workplace) -> Outcome:
    """Exchange it, run all stages that make or score labels and models, compare."""
    clone, scratch = place.copy("leakage"), place.scratch("leakage")
    params = load_params(clone.root / "params.yaml")
    hidden = hidden_keyframes(clone.root, params)
    faults = reindexed(place, clone)
    boxes = change_raw(clone.root, params.dataset.version, hidden)
    clone.run(sys.executable, "-m", "trust.reindex", PYTHONPATH="src")
    change_index(clone.root, hidden)
    rows: list[dict[str, Cell]] = []
    kinds = stages_after_the_index(place.short)
    for kind in followed(kinds, "leakage", len(kinds), "stage"):
        row, found = compare(place, clone, scratch, kind)
        rows.append(row)
        faults += found
    return Outcome(
        tried=len(rows) + 1,
        kept=sum(row["as it must be"] == "yes" for row in rows) + (not faults),
        rows=rows,
        faults=faults,
        notes=[
            f"Changed in {boxes} annotations of {len(hidden)} keyframes, of val and of train "
            "without labels. In the raw tables: size, rotation, height, attribute, visibility, "
            "points, position, class; in the instance images all pixels; in the index position and "
            "velocity once more. Left as they are in the raw tables: positions of annotations that "
            "a labelled one has its velocity from, by nuScenes' definition, and the class of "
            "objects that a labelled keyframe shows too. Indexed anew without a change, the raw "
            "tables give the index of the base byte by byte."
        ],
    )


def reindexed(place: Workplace, clone: Clone) -> list[str]:
    """Faults of the index that is made anew from unchanged tables."""
    clone.run(sys.executable, "-m", "trust.reindex", PYTHONPATH="src")
    before, now = (digests(root, [str(layout.INDEX)]) for root in (place.base.root, clone.root))
    return [f"indexed anew: {fault}" for fault in differences(before, now)[:3]]


def stages_after_the_index(short: bool) -> list[Kind]:
    """All stages but those that make the index, record, or score what is scored elsewhere."""
    names = [
        name for name in read_stages(PROJECT / "dvc.yaml") if name not in ("download", "track")
    ]
    chosen = [name for name in names if not name.startswith("evaluate") or name in _SCORED]
    return [kind_of(name) for name in chosen if not short or name in _SHORT]


def compare(
    place: Workplace, clone: Clone, scratch: Path, kind: Kind
) -> tuple[dict[str, Cell], list[str]]:
    """Run a stage; its row, and faults."""
    ended = Running(clone, kind, scratch).end()
    before, now = content_of(place.base.root, kind), content_of(clone.root, kind)
    changed = [] if ended.code else differences(before, now)
    must_change = kind.name in _SCORED
    good = not ended.code and bool(changed) == must_change
    row: dict[str, Cell] = {
        "stage": kind.name,
        "files": len(now),
        "that differ": len(changed),
        "must differ": "some" if must_change else "none",
        "as it must be": "yes" if good else "no",
    }
    if good:
        return row, []
    reason = f"ends with {ended.code}: {ended.said.strip()[-150:]}" if ended.code else changed[:1]
    return row, [f"{kind.name}: {reason or 'scores the same whatever the truth is'}"]
