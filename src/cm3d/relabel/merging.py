"""Old labels and a model's boxes as one set of labels, box by box."""

from dataclasses import dataclass

import numpy as np

from cm3d.fuse.late_fusion import greedy_match, turn_to_reference
from cm3d.geometry.arrays import NDArrayFloat
from cm3d.relabel.matching import best_first, distances_m, nearness, same_class
from cm3d.tables import Boxes3D
from cm3d.tables.words import rows_by_word
from cm3d.taxonomy import Taxonomy


@dataclass(frozen=True, eq=False)
class Recalls:
    """How often each source sees an object, by class.

    Args:
        old_recall: (C,) share of the objects that have an old label.
        new_recall: (C,) share of the objects that have a box of the model.
    """

    old_recall: NDArrayFloat
    new_recall: NDArrayFloat


def merge(
    old: Boxes3D, new: Boxes3D, taxonomy: Taxonomy, match_m: float, recalls: Recalls | None
) -> Boxes3D:
    """Merge the labels of some keyframes with what a model sees there; see `merge_keyframe`.

    Returns:
        Keyframe by keyframe, in an order that does not depend on that of the rows.
    """
    tokens = sorted({*old.sample_token, *new.sample_token})
    old_rows, new_rows = (rows_by_word(boxes.sample_token, tokens) for boxes in (old, new))
    return Boxes3D.concatenate(
        merge_keyframe(old[of_old], new[of_new], taxonomy, match_m, recalls)
        for of_old, of_new in zip(old_rows, new_rows, strict=True)
    )


def merge_keyframe(
    old: Boxes3D, new: Boxes3D, taxonomy: Taxonomy, match_m: float, recalls: Recalls | None
) -> Boxes3D:
    """Merge labels of one keyframe with a model's boxes. Scores of both are probabilities.

    Nearest boxes of one class are paired first. A pair has the old label's heading, velocity and
    attribute, which come from tracks and lanes; place and size are means by score; it is wrong
    only where both are. A box that the other source does not confirm is less probable, as the
    other is more likely to have seen what is there (Bayes). A box of the model that stands on a
    surer label of another class is right only if that one is not.

    Args:
        old: Labels.
        new: Boxes of the model.
        taxonomy: The class list.
        match_m: Largest distance of the centres of a pair, seen from above.
        recalls: Of both sources; None leaves the scores of boxes without a partner.

    Returns:
        Pairs, other labels, other boxes of the model.
    """
    old, new = old[best_first(old)], new[best_first(new)]
    of_old, of_new = greedy_match(nearness(old, new, match_m), 0.0)
    old_alone = old[np.setdiff1d(np.arange(len(old)), of_old)]
    new_alone = new[np.setdiff1d(np.arange(len(new)), of_new)]
    if recalls is not None:
        old_alone = unconfirmed(
            old_alone, recalls.new_recall[taxonomy.indices(old_alone.class_name)]
        )
        new_alone = unconfirmed(
            new_alone, recalls.old_recall[taxonomy.indices(new_alone.class_name)]
        )
    labels = Boxes3D.concatenate([paired(old[of_old], new[of_new]), old_alone])
    return Boxes3D.concatenate([labels, beside(new_alone, labels, taxonomy)])


def paired(old: Boxes3D, new: Boxes3D) -> Boxes3D:
    """Labels (N,) and the boxes (N,) that confirm them as one; see `merge_keyframe`."""
    total = old.score + new.score
    share = np.divide(new.score, total, out=np.zeros(len(old)), where=total > 0)
    length_m, width_m, _ = turn_to_reference(new, old)
    center_m = old.center_m + share[:, None] * (new.center_m - old.center_m)
    return old.replace(
        center_m=center_m,
        length_m=old.length_m + share * (length_m - old.length_m),
        width_m=old.width_m + share * (width_m - old.width_m),
        height_m=old.height_m + share * (new.height_m - old.height_m),
        score=1 - (1 - old.score) * (1 - new.score),
    )


def unconfirmed(boxes: Boxes3D, recall: NDArrayFloat) -> Boxes3D:
    """Boxes (N,) that another source does not see, which sees the share `recall` (N,) of objects.

    By Bayes' rule p becomes p (1 - recall) / (1 - p recall).
    """
    score = boxes.score
    return boxes.replace(score=score * (1 - recall) / (1 - score * recall))


def beside(new: Boxes3D, labels: Boxes3D, taxonomy: Taxonomy) -> Boxes3D:
    """Boxes (N,) less probable by the surer labels of other classes that they stand on.

    On it means nearer than the box's class may be to its own kind, `suppression_m`.
    """
    reach_m = taxonomy.floats("suppression_m")[taxonomy.indices(new.class_name)]
    on = (distances_m(new, labels) <= reach_m[:, None]) & ~same_class(new, labels)
    on &= labels.score[None] > new.score[:, None]
    taken = np.where(on, labels.score[None], 0.0).max(axis=1, initial=0.0)
    return new.replace(score=new.score * (1 - taken))
