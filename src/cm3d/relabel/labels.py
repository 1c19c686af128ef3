"""From what a model sees to labels whose scores are probabilities of being right."""

import numpy as np

from cm3d.geometry.arrays import NDArrayFloat, NDArrayInt
from cm3d.params import Relabel
from cm3d.relabel.calibration import (
    agreement,
    curves_by_class,
    found_shares,
    probabilities,
)
from cm3d.relabel.judging import average_precisions, in_class_range
from cm3d.relabel.matching import match_surest_first
from cm3d.relabel.merging import Recalls, merge
from cm3d.relabel.ranges import range_m
from cm3d.relabel.split import Split
from cm3d.tables import Boxes3D
from cm3d.taxonomy import Taxonomy


def refined_labels(
    found: Boxes3D, old: Boxes3D, split: Split, taxonomy: Taxonomy, params: Relabel
) -> Boxes3D:
    """Labels of all keyframes of a split: a model's boxes, calibrated, merged with old labels.

    Args:
        found: The model's boxes in all keyframes, labelled ones too.
        old: The labels there, made without any truth of these keyframes.
        split: Keyframes and what is known of them.
        taxonomy: The class list.
        params: Section `relabel`.

    Raises:
        InputError: A box has an unknown class.
    """
    old_recall = recall_of_labels(old, split, taxonomy, params.match_m)
    new = calibrated(found, old, old_recall, split, taxonomy, params)
    labels = new
    if params.merge:
        seen = split.unlabelled_only(new), split.unlabelled_only(old)
        recalls = Recalls(old_recall, recall_of_model(*seen, taxonomy, params.match_m))
        weighed = recalls if params.weigh_unconfirmed else None
        labels = merge(old, new, taxonomy, params.match_m, weighed)
    return guarded(labels, old, split, taxonomy, params) if params.guard else labels


def recall_of_labels(
    old: Boxes3D, split: Split, taxonomy: Taxonomy, match_m: float
) -> NDArrayFloat:
    """Share (C,) of the true objects of labelled keyframes that have a label of any score."""
    truth = split.truth[in_class_range(split.truth, split.frames, taxonomy)]
    labels = split.labelled_only(old)
    found = np.zeros(len(truth), dtype=bool)
    hits = match_surest_first(labels, truth, match_m)
    found[hits[hits >= 0]] = True
    classes = taxonomy.indices(truth.class_name)
    return found_shares(found, np.ones(len(truth)), classes, len(taxonomy.classes))


def recall_of_model(new: Boxes3D, old: Boxes3D, taxonomy: Taxonomy, match_m: float) -> NDArrayFloat:
    """Share (C,) of labelled objects, as probable as their labels say, that a model sees too."""
    found = match_surest_first(old, new, match_m) >= 0
    return found_shares(found, old.score, taxonomy.indices(old.class_name), len(taxonomy.classes))


def calibrated(
    found: Boxes3D,
    old: Boxes3D,
    old_recall: NDArrayFloat,
    split: Split,
    taxonomy: Taxonomy,
    params: Relabel,
) -> Boxes3D:
    """A model's boxes (N,) with probabilities for scores, as `relabel.calibration` says."""
    if params.calibration == "none":
        return found
    if params.calibration == "labelled":
        known = split.labelled_only(found)
        hits = match_surest_first(known, split.truth, params.match_m)
        target = (hits >= 0).astype(np.float64)
    else:
        known = split.unlabelled_only(found)
        recall = old_recall[taxonomy.indices(known.class_name)]
        target = agreement(known, split.unlabelled_only(old), recall, params.match_m)

    def kinds(boxes: Boxes3D) -> tuple[NDArrayInt, NDArrayInt]:
        far = range_m(boxes, split.frames) > params.far_m
        return taxonomy.indices(boxes.class_name), far.astype(np.int64)

    curves = curves_by_class(known.score, target, *kinds(known), len(taxonomy.classes))
    return found.replace(score=probabilities(found.score, *kinds(found), curves))


def guarded(
    labels: Boxes3D, old: Boxes3D, split: Split, taxonomy: Taxonomy, params: Relabel
) -> Boxes3D:
    """Labels of the classes that they are better for in labelled keyframes, else the old ones.

    A class that is in no labelled keyframe keeps the new labels.
    """
    truth = split.truth[in_class_range(split.truth, split.frames, taxonomy)]
    new_ap, old_ap = (
        average_precisions(
            known[in_class_range(known, split.frames, taxonomy)],
            truth,
            taxonomy.class_names,
            params.match_m,
        )
        for known in map(split.labelled_only, (labels, old))
    )
    worse = new_ap < old_ap
    labels = labels[~worse[taxonomy.indices(labels.class_name)]]
    return Boxes3D.concatenate([labels, old[worse[taxonomy.indices(old.class_name)]]])
