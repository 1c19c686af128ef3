"""A row against its baseline, run by run: is the difference more than what runs vary by?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, stdev

from scipy import stats


@dataclass(frozen=True)
class Paired:
    """A difference over runs that both rows have: the same worlds and the same labelled parts.

    Args:
        runs: How many.
        difference: Mean of row minus baseline.
        error: Standard error of it; None of one run.
        p: Probability of a difference at least as large by chance, two-sided, by Student's t with
            one degree of freedom less than there are runs; None where there is no such test.
    """

    runs: int
    difference: float
    error: float | None
    p: float | None

    def __str__(self) -> str:
        """The difference, its error and p, as a table has them."""
        if self.error is None:
            return f"{self.difference:+.1f}"
        tested = f", p = {self.p:.3f}" if self.p is not None else ""
        return f"{self.difference:+.1f} ± {self.error:.1f}{tested}"


def compare(row: Sequence[float], baseline: Sequence[float]) -> Paired | None:
    """The paired comparison of two rows; None without a run.

    Args:
        row: A figure of each run.
        baseline: The same of the baseline, in the same order.
    """
    differences = [ours - theirs for ours, theirs in zip(row, baseline, strict=True)]
    if not differences:
        return None
    if len(differences) == 1:
        return Paired(1, differences[0], None, None)
    difference, error = mean(differences), stdev(differences) / math.sqrt(len(differences))
    if error == 0:
        return Paired(len(differences), difference, 0.0, None)
    p = 2 * float(stats.t.sf(abs(difference) / error, df=len(differences) - 1))
    return Paired(len(differences), difference, error, p)
