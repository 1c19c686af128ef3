import numpy as np
import pytest

from cm3d.evaluation.nuscenes.curves import (
    RECALL,
    average_precision,
    confidence_curve,
    error_curve,
    mean_error,
    precision_curve,
)

HIT = np.array([True, False, True, False])


def test_precision_is_interpolated_and_ends_with_the_recall_reached() -> None:
    """Recall 1/4, 1/4, 1/2, 1/2 of four boxes; precision 1, 1/2, 2/3, 1/2."""
    precision = precision_curve(HIT, 4, np.ones(4))
    assert precision[0] == 1
    assert precision[50] == pytest.approx(1 / 2)
    assert precision[49] == pytest.approx(1 / 2 + 24 / 25 * (2 / 3 - 1 / 2))
    assert (precision[51:] == 0).all()


def test_weights_count_predictions_repeatedly_or_not_at_all() -> None:
    np.testing.assert_array_equal(
        precision_curve(HIT, 5, np.array([2.0, 0, 1, 0])),
        precision_curve(np.array([True, True, True]), 5, np.ones(3)),
    )
    assert not precision_curve(HIT, 4, np.array([0.0, 1, 0, 1])).any()
    assert not precision_curve(HIT, 0, np.ones(4)).any()


def test_average_precision_leaves_out_the_first_tenths() -> None:
    """Full precision up to recall 0.55: 45 of 90 points."""
    assert average_precision((RECALL <= 0.55).astype(float)) == pytest.approx(0.5)
    assert average_precision(np.full(101, 0.1)) == 0
    assert average_precision(np.full(101, 0.55)) == pytest.approx(0.5)


def test_confidence_falls_with_recall() -> None:
    confidence = confidence_curve(HIT, 4, np.array([0.9, 0.8, 0.7, 0.6]))
    assert confidence[[0, 50]].tolist() == [0.9, 0.6]
    assert (confidence[51:] == 0).all()


def test_errors_are_running_means_without_the_unknown() -> None:
    score = np.array([0.9, 0.6, 0.3])
    curve = error_curve(np.array([1.0, np.nan, 4.0]), score, np.array([0.9, 0.6, 0.45, 0.3]))
    np.testing.assert_allclose(curve, [1, 1, 1.75, 2.5])
    unknown = error_curve(np.full(3, np.nan), score, np.zeros(101))
    assert unknown.tolist() == [1.0] * 101
    late = error_curve(np.array([np.nan, 2.0, 2.0]), score, np.array([0.9]))
    assert late.tolist() == [0.0]


def test_the_mean_error_ends_with_the_recall_reached() -> None:
    errors = np.arange(101.0)
    reached = np.where(RECALL <= 0.2, 0.5, 0.0)
    assert mean_error(errors, reached) == np.mean(np.arange(11, 21))
    assert mean_error(errors, np.where(RECALL <= 0.1, 0.5, 0.0)) == 1
    assert mean_error(errors, np.zeros(101)) == 1
