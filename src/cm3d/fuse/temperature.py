"""The temperature of the calibration, found on labels (paper, appendix A)."""

from collections.abc import Callable, Sequence


def fit_temperature(
    candidates: Sequence[float], score_of: Callable[[float], float]
) -> tuple[float, dict[float, float]]:
    """Search a grid.

    Args:
        candidates: Temperatures, at least one.
        score_of: What fusion at a temperature scores, higher is better. It must know no labels
            but those that may be used: the paper searched on its val set, which it also scores.

    Returns:
        The best candidate, of equals the first, and the score of each.
    """
    scores = {temperature: score_of(temperature) for temperature in candidates}
    return max(scores, key=scores.__getitem__), scores
