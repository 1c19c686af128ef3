"""What goes with a label set that is handed on: what it is of, how it was made, how good it is."""

import hashlib
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any, Final

from cm3d.execution import pipeline
from cm3d.execution.files import read_figures
from cm3d.export.protocol import File, Labels
from cm3d.mlflow_runs.provenance import committed_params
from cm3d.tables import layout
from stages.shared.headlines import headlines_of

CARD: Final = "README.md"
SUMS: Final = "SHA256SUMS"
_PARAMS: Final = Path("params.yaml")
_LOCK: Final = Path("dvc.lock")
Stages = Mapping[str, Mapping[str, Any]]

# Knobs that a reader wants to know even where nobody changed them.
_ALWAYS: Final = ("seed", "detect2d.backend", "segment.backend", "lift.recipe", "fuse.labels")
_OF_THE_MACHINE: Final = ("execution.", "dataset.root")
# As their authors state them; NOTICE has the terms of models too.
_LICENCES: Final = {
    "sim": "Apache-2.0, as this project: simulated, no data of others",
    "nuscenes": "CC BY-NC-SA 4.0 and nuScenes' terms of use, which labels made from it inherit",
    "waymo": "Waymo Dataset License Agreement for Non-Commercial Use",
    "pandaset": "terms of use of PandaSet's authors",
}


def card(labels: Labels, folder: Path, min_score: float, title: str) -> str:
    """A page of Markdown about boxes that are exported.

    It reads params.yaml, dvc.yaml, dvc.lock and metrics of the current folder, and asks Git.

    Args:
        labels: The boxes.
        folder: Where their tables are.
        min_score: Boxes below were left out.
        title: Of the format.

    Raises:
        InputError: One of these files cannot be read.
    """
    dataset, counts = labels.params.dataset, Counter(map(str, labels.boxes.class_name))
    by_class = ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "none"
    stages = pipeline.read_stages(Path("dvc.yaml"))
    stale = pipeline.stale_reasons(Path()) if _LOCK.is_file() else {}
    facts = {
        "data set": f"{dataset.name} ({dataset.version})",
        "class list": labels.taxonomy.name,
        "keyframes": f"{len(labels.frames)} of {len(labels.scenes)} scenes, {labels.split}",
        "boxes": f"{len(labels.boxes)}: {by_class}",
        "least score": f"{min_score:g}",
        "format": f"{title}, from `{folder}`",
        "licence": _LICENCES.get(dataset.name, f"that of {dataset.name}") + "; see NOTICE",
        "commit": _commit(),
        **_origin(folder, stages, stale),
    }
    sections = (
        f"# Boxes of {dataset.name}: {folder.name}",
        _table(("what", "is"), facts.items()),
        "## Recipe",
        _table(("knob", "value", "as committed"), _recipe()),
        "## Scores",
        _scores(folder, stages, stale),
        f"The files are whole if `sha256sum -c {SUMS}` says so.",
    )
    return "\n\n".join(sections) + "\n"


def with_sums(files: Iterator[File], page: str) -> Iterator[File]:
    """The same files, the card, and the hashes of all of them."""
    sums = []
    for name, content in chain(files, [(CARD, page.encode())]):
        sums.append(f"{hashlib.sha256(content).hexdigest()}  {name}\n")
        yield name, content
    yield SUMS, "".join(sums).encode()


def _commit() -> str:
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!metrics")
    commit = _git("rev-parse", "HEAD").strip() or "none"
    return f"{commit}, with changes that are not committed" if changed else commit


def _origin(folder: Path, stages: Stages, stale: Mapping[str, str | None]) -> dict[str, str]:
    """The stage that writes the tables, and their hash; of other folders nothing."""
    paths = {path: name for name, stage in stages.items() for path in pipeline.output_paths(stage)}
    maker = paths.get(str(folder))
    if maker is None or maker not in stale:
        return {}
    lock = pipeline.read_values(_LOCK, pipeline.RESTORE)["stages"]
    md5 = {out["path"]: out.get("md5", "none") for out in lock[maker].get("outs", [])}
    reason = stale[maker]
    return {
        "made by": f"stage `{maker}`, " + (f"out of date: {reason}" if reason else "up to date"),
        "hash in dvc.lock": f"`{md5.get(str(folder), 'none')}`",
    }


def _recipe() -> Iterator[tuple[str, str, str]]:
    """Knobs that differ from params.yaml as committed, and some others."""
    now = pipeline.read_values(_PARAMS)
    values = _flat(now)
    before = _flat(committed_params(Path()) or now)
    differ = [
        knob
        for knob in sorted(values.keys() | before.keys())
        if values.get(knob) != before.get(knob) and not knob.startswith(_OF_THE_MACHINE)
    ]
    for knob in differ:
        yield f"`{knob}`", str(values.get(knob)), str(before.get(knob))
    for knob in _ALWAYS:
        if knob not in differ:
            yield f"`{knob}`", str(values.get(knob)), "the same"


def _scores(folder: Path, stages: Stages, stale: Mapping[str, str | None]) -> str:
    """Headlines of what scores the tables, or that nothing has."""
    scored: dict[str, Mapping[str, Any]] = {}
    for name, stage in stages.items():
        path = layout.EVALUATION / f"{name.partition('@')[2]}.json"
        if name.startswith("evaluate@") and str(folder) in stage["deps"] and path.is_file():
            reason = stale.get(name, "has not been run here")
            title = f"`{name}`" + (f", out of date: {reason}" if reason else "")
            scored[title] = read_figures(path, f"run `dvc repro {name}`")
    figures = headlines_of(scored.values())
    rows = [
        (title, *(f"{row[key]:.3f}" if key in row else "-" for key in figures))
        for title, row in scored.items()
    ]
    return _table(("scored by", *figures), rows) if rows else "Not scored."


def _flat(values: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{path}.{key}" if path else str(key)
        found |= _flat(value, name) if isinstance(value, Mapping) and value else {name: value}
    return found


def _table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [header, ("---",) * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def _git(*words: str) -> str:
    """What Git says; nothing where there is no repository."""
    done = subprocess.run(("git", *words), capture_output=True, text=True, check=False)
    return done.stdout if not done.returncode else ""
