"""The report as a page: what is fresh of scores and boxes, section by section."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from cm3d.errors import InputError
from cm3d.evaluation.protocol import Better, open_scorer
from cm3d.execution import pipeline
from cm3d.execution.files import read_figures
from cm3d.geometry.arrays import NDArrayFloat
from cm3d.params import Params
from cm3d.report.curves import (
    Bins,
    by_distance,
    by_points,
    by_visibility,
    precision_by_class,
    reliability,
)
from cm3d.report.failures import EXPLAINED, FAILURES, counted
from cm3d.report.page import Cell, Page, color_of
from cm3d.report.svg import Axis, Line, line_chart, share_bar, upper_limit
from cm3d.tables import layout
from cm3d.taxonomy import Taxonomy
from stages.shared.judged_sets import Judge, JudgedSet, scored_by
from stages.shared.report_frames import COLORS, draw_frames
from stages.shared.scene_layers import MODELS

PER_CLASS: Final = layout.METRICS / "evaluate_classes"

_SHOWN_AT_FIRST: Final = 5
_KIND_COLORS: Final = dict(
    zip(
        ("right", *FAILURES),
        ("#16803c", "#f59e0b", "#fbbf24", "#fde047", "#8b5cf6", "#c4b5fd",
         "#ef4444", "#fca5a5", "#b91c1c", "#0ea5e9", "#1d4ed8"),
        strict=True,
    )
)  # fmt: skip

Scores = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, eq=False)
class Results:
    """Scores of label sets and models, and of their classes, in one revision.

    Args:
        scores: Headline figures by name.
        classes: Figures by class, by name.
    """

    scores: Scores
    classes: Mapping[str, Scores]


def read_classes(folder: Path, names: Sequence[str]) -> dict[str, Scores]:
    """Figures by class of some label sets and models, as far as they are there.

    Raises:
        InputError: A file holds something else.
    """
    paths = {name: folder / f"{name}.json" for name in names}
    return {name: read_figures(path) for name, path in paths.items() if path.is_file()}


def judged_sets(
    titles: Mapping[str, str], fresh: Sequence[str], params: Params, taxonomy: Taxonomy
) -> tuple[list[JudgedSet], list[str]]:
    """Judge what is fresh, box by box, and say what cannot be.

    Args:
        titles: Of label sets and models, by name.
        fresh: Stages that are up to date.
        params: All parameters.
        taxonomy: Classes of the boxes.
    """
    project = Path()
    stages = pipeline.read_stages(project / "dvc.yaml")
    if pipeline.strayed(project, [str(layout.INDEX)]):
        return [], [f"{layout.INDEX} is not what dvc.lock records; `dvc checkout` mends it"]
    with_2d = "detect2d" in fresh and not pipeline.strayed(project, [str(layout.BOXES2D)])
    judge = Judge(params, taxonomy, with_2d)
    sets: list[JudgedSet] = []
    notes: list[str] = []
    if not with_2d:
        notes.append(f"{layout.BOXES2D} is not fresh, so nothing is called missed in 2D")
    for name, title in titles.items():
        scored = scored_by(stages, name)
        if pipeline.strayed(project, [str(scored.folder)]):
            notes.append(
                f"{title}: {scored.folder} is not what dvc.lock records; `dvc checkout` mends it"
            )
            continue
        try:
            sets.append(judge.judged(name, title, scored))
        except InputError as error:
            notes.append(f"{title}: {error}")
    return sets, notes


def build_page(
    title: str,
    titles: Mapping[str, str],
    present: Results,
    baseline: Results | None,
    sets: Sequence[JudgedSet],
    notes: Sequence[str],
    params: Params,
    taxonomy: Taxonomy,
) -> Page:
    """All sections.

    Args:
        title: What the scores belong to.
        titles: Of label sets and models, by name, in their order; only of those in `present`.
        present: What is shown.
        baseline: What it is compared with.
        sets: The same, box by box, as far as tables are there.
        notes: What is left out and why.
        params: All parameters.
        taxonomy: Classes of the boxes.
    """
    page = Page("CM3D report")
    page.words(title)
    for note in notes:
        page.words(note, "note")
    better = open_scorer(params.evaluate.protocol, params, taxonomy).better
    _results(page, titles, present, baseline, better)
    _classes(page, titles, present, baseline)
    if sets:
        keys = {judged.name: judged.title for judged in sets}
        hidden = _hidden(list(keys))
        page.heading("Box by box")
        page.words(
            "Boxes are matched with objects of their class within 2 m, as nuScenes does. "
            "Counts are of boxes from the score on at which F1 of their class is best. The legend "
            "hides and shows lines.",
            "faint",
        )
        page.legend(keys, hidden)
        _precision(page, sets, taxonomy.class_names)
        _reliability(page, sets)
        _errors(page, sets)
        _failures(page, sets)
        _frames(page, sets, params)
    return page


def _results(
    page: Page,
    titles: Mapping[str, str],
    present: Results,
    baseline: Results | None,
    better: Mapping[str, Better],
) -> None:
    page.heading("Results")
    figures = [f for f in better if any(f in row for row in present.scores.values())]
    rows = []
    for name, title in titles.items():
        before = baseline.scores.get(name, {}) if baseline else {}
        cells = [
            figure_cell(present.scores[name].get(f), before.get(f), better[f]) for f in figures
        ]
        rows.append([Cell(title), *cells])
    page.table(["boxes of", *figures], rows)


def _classes(
    page: Page, titles: Mapping[str, str], present: Results, baseline: Results | None
) -> None:
    shown = {name: title for name, title in titles.items() if present.classes.get(name)}
    names = list(dict.fromkeys(c for name in shown for c in present.classes[name]))
    known = (f for name in shown for row in present.classes[name].values() for f in row)
    figure = next((f for f in known if f.startswith("AP")), None)
    if figure is None:
        return
    page.heading("By class")
    rows = []
    for class_name in names:
        row = [Cell(class_name)]
        for name in shown:
            before = baseline.classes.get(name, {}) if baseline else {}
            value = present.classes[name].get(class_name, {}).get(figure)
            row.append(figure_cell(value, before.get(class_name, {}).get(figure), "higher"))
        rows.append(row)
    page.table([figure, *shown.values()], rows)


def figure_cell(value: Any, before: Any, better: Better) -> Cell:
    """A figure with its change against an earlier one, where both are numbers."""
    if not isinstance(value, int | float):
        return Cell("-")
    if not isinstance(before, int | float):
        return Cell(f"{value:.3f}")
    change = value - before
    is_better = (
        None
        if better == "neither" or round(change, 3) == 0
        else (change > 0) == (better == "higher")
    )
    return Cell(f"{value:.3f}", f"{change:+.3f}", is_better)


def _hidden(names: list[str]) -> list[str]:
    """What the legend does not show at first: rounds and relabels, where there are many."""
    if len(names) <= _SHOWN_AT_FIRST:
        return []
    last = next((name for name in MODELS if name in names), "")
    first = {"pseudo_labels", "pretrain", "finetune", "lifted", last}
    return [name for name in names if name not in first]


def _precision(page: Page, sets: Sequence[JudgedSet], class_names: Sequence[str]) -> None:
    page.heading("Precision over recall, at 2 m", 3)
    curves = {j.name: precision_by_class(j.all_boxes, class_names) for j in sets}
    present = [c for c in class_names if any(c in by_class for _, by_class in curves.values())]
    charts = []
    for class_name in ("mean of classes", *present):
        lines = []
        for judged in sets:
            recall, by_class = curves[judged.name]
            if class_name == "mean of classes" and by_class:
                precision = np.mean(list(by_class.values()), axis=0)
            elif class_name in by_class:
                precision = by_class[class_name]
            else:
                continue
            lines.append(_line(judged, sets, recall, precision))
        axes = Axis("recall", 0, 1), Axis("precision", 0, 1)
        charts.append(line_chart(class_name, *axes, lines, dots=False))
    page.charts(charts)


def _reliability(page: Page, sets: Sequence[JudgedSet]) -> None:
    page.heading("Are scores probabilities?", 3)
    page.words(
        "The share of boxes that are right, by their score; on the diagonal, scores are "
        "probabilities. ECE is the mean distance from it over all boxes.",
        "faint",
    )
    lines: list[Line] = []
    rows: list[list[Cell]] = []
    for judged in sets:
        found = reliability(judged.all_boxes.boxes.score, judged.all_boxes.right)
        notes = [f"{count} boxes" for count in found.boxes]
        lines.append(_line(judged, sets, found.score, found.right, notes))
        rows.append([Cell(judged.title), Cell(f"{found.error:.3f}"), Cell(f"{found.boxes.sum()}")])
    axes = Axis("score", 0, 1), Axis("share that is right", 0, 1)
    page.charts([line_chart("reliability", *axes, lines, diagonal=True)])
    page.table(["boxes of", "ECE", "boxes"], rows)


_MEASURES: Final[Mapping[str, tuple[str, Callable[[Bins], NDArrayFloat]]]] = {
    "share found": ("share", lambda bins: bins.found),
    "translation error": ("ATE (m)", lambda bins: bins.errors["ATE"]),
    "scale error": ("1 - IoU", lambda bins: bins.errors["ASE"]),
    "heading error": ("AOE (rad)", lambda bins: bins.errors["AOE"]),
}


def _errors(page: Page, sets: Sequence[JudgedSet]) -> None:
    page.heading("By distance, LiDAR points and visibility", 3)
    ways = {
        "distance (m)": [by_distance(j.best, j.distance_m) for j in sets],
        "LiDAR points": [by_points(j.best) for j in sets],
        "visibility": [by_visibility(j.best) for j in sets],
    }
    charts = []
    for measure, (label, values_of) in _MEASURES.items():
        for way, bins in ways.items():
            if not any(b.objects.any() for b in bins):
                continue  # no data set but nuScenes knows visibility
            ticks = {float(i): name for i, name in enumerate(bins[0].labels)}
            lines = [
                _line(
                    j,
                    sets,
                    np.arange(len(b.labels), dtype=np.float64),
                    values_of(b),
                    [f"{n} objects" for n in b.objects],
                )
                for j, b in zip(sets, bins, strict=True)
            ]
            top = 1.0 if measure == "share found" else upper_limit(lines, 0.1)
            x = Axis(way, -0.3, len(ticks) - 0.7, ticks)
            charts.append(line_chart(f"{measure} by {way}", x, Axis(label, 0, top), lines))
    page.charts(charts)


def _failures(page: Page, sets: Sequence[JudgedSet]) -> None:
    page.heading("Kinds of failure")
    page.words(
        "Every object and every box too many is counted once, as the first kind that holds, in the "
        "order of the columns. A model that sees LiDAR alone can find what images miss; of such a "
        "model, missed in 2D says that no label could have taught it that object.",
        "faint",
    )
    page.colors(_KIND_COLORS)
    rows: list[list[Cell | str]] = []
    for judged in sets:
        counts = counted(judged.object_kinds, judged.box_kinds)
        total = max(sum(counts.values()), 1)
        bar = share_bar({name: count / total for name, count in counts.items()}, _KIND_COLORS)
        rows.append(
            [Cell(judged.title), bar, *(Cell(f"{counts[n]}") for n in ("right", *FAILURES))]
        )
    page.table(["boxes of", "shares", "right", *FAILURES], rows)
    page.table(
        ["kind", ""], [[Cell(kind), Cell(text)] for kind, text in EXPLAINED.items()], "words"
    )


def _frames(page: Page, sets: Sequence[JudgedSet], params: Params) -> None:
    by_name = {judged.name: judged for judged in sets}
    labels = [name for name in ("pseudo_labels", "lifted") if name in by_name]
    models = [name for name in MODELS if name in by_name]
    for name in (*labels[:1], *models[:1]):
        page.heading(f"The best keyframe and the worst ones: {by_name[name].title}")
        page.words(
            "Ranked by F1, those with fewer than 10 boxes and objects passed over. Forward is up; "
            "below, the camera that shows the largest of what fails.",
            "faint",
        )
        page.colors({name: "#{:02x}{:02x}{:02x}".format(*color) for name, color in COLORS.items()})
        try:
            page.pictures(draw_frames(by_name[name], params))
        except InputError as error:  # labels may have been pulled without sensor files
            page.words(f"Not drawn: {error}", "note")


def _line(
    judged: JudgedSet,
    sets: Sequence[JudgedSet],
    x: NDArrayFloat,
    y: NDArrayFloat,
    notes: Sequence[str] = (),
) -> Line:
    color = color_of(judged.name, [other.name for other in sets])
    return Line(judged.name, judged.title, color, x, y, notes)
