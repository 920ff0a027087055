"""Up to how many labels one side leads, and from how many on the other does.

`find_leads` works on arrays of differences alone, so that a simulation can call it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import ceil, floor, inf, isinf, log10
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dlrun.evidence.decision import BEYOND_ROPE
from dlrun.evidence.formatting import small

N_SAMPLES: Final = 2000
MIN_SPLITS: Final = 3  # for an interval
CONFIDENCE: Final = 0.95
INTERVAL: Final = (0.025, 0.975)
BAND: Final = 0.975  # of the samples: few splits say little of the correlation between sizes
FLOOR: Final = 0.25  # of the mean spread, below which that of one size is luck

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Turn:
    """A number of labels at which a lead begins or ends, with its 95 % interval.

    Attributes:
        labels: the number; infinite where that is beyond the measured ones, as `high` may be.
    """

    labels: float
    low: float
    high: float

    def __str__(self) -> str:
        """Write it with the interval: "2,500 [2,000, 3,100]"."""
        if self.low == self.high:  # of a single curve
            return rounded(self.labels)
        return f"{rounded(self.labels)} [{rounded(self.low, floor)}, {rounded(self.high, ceil)}]"


@dataclass(frozen=True)
class LabelsNeeded:
    """Which of two sides leads at which numbers of labels.

    Attributes:
        sentence: the result in words.
        first: the side that leads with the fewest labels; None where no lead is certain.
        until: where its lead ends; None where that is not known.
        second: the side that leads with more labels; None where no crossover is certain.
        since: where that lead begins.
    """

    sentence: str
    first: str | None = None
    until: Turn | None = None
    second: str | None = None
    since: Turn | None = None


def find_leads(
    names: tuple[str, str],
    sizes: Numbers,
    differences: Numbers,
    *,
    rope: float,
    test_share: float,
    unit: str = "",
    at_all: int | None = None,
) -> LabelsNeeded:
    """Find up to how many labels one of two sides leads, and from how many on the other.

    A side leads where it is better by more than the ROPE. The mean differences of all sizes are
    sampled together from their multivariate t distribution. Folds share training rows, so that it
    spreads by 1 / splits + share / (1 - share) of the variance between splits (Nadeau & Bengio,
    2003, "Inference for the generalization error").

    A lead is certain as in the verdict: zero is not in its interval, and it is beyond the ROPE with
    a probability above 0.8. As many sizes are many chances, the intervals are those of a band that
    contains the whole curve in 97.5 % of the samples; with all labels, the verdict counts.
    A crossover is claimed where one side is certain to lead somewhere and the other with more
    labels. A lead ends, or begins, where the curve, interpolated over the logarithm of labels,
    crosses the ROPE; the interval is from the first such crossing to the last one of the samples.
    Nothing is said beyond the measured sizes. The simulations are in the tests.

    Args:
        names: of the sides.
        sizes: (sizes,) labels, ascending.
        differences: (sizes, splits) by how much the first is better.
        rope: half width of the region of practical equivalence.
        test_share: test rows ÷ (training + test rows) at the largest size.
        unit: of the differences, for the sentence, such as the metric's title.
        at_all: 1 where the verdict is that the first side is better with all labels, -1 where it is
            that the second is, else 0; None: not known.
    """
    n_splits = differences.shape[1]
    mean = differences.mean(axis=1)
    if n_splits < MIN_SPLITS:
        certain = np.sign(np.where(np.abs(mean) > rope, mean, 0.0)).astype(np.int64)
        leads = _Leads(names, sizes, mean, mean[None], certain, rope, unit)
        told = leads.told().sentence
        certainty = f"How certain that is takes {MIN_SPLITS} splits, and there are {n_splits}."
        return LabelsNeeded(f"By the means alone, {told[0].lower()}{told[1:]} {certainty}")
    samples, spread = _sample(differences, test_share)
    certain = _certain(mean, samples, spread, rope, at_all)
    return _Leads(names, sizes, mean, samples, certain, rope, unit).told()


def _sample(differences: Numbers, test_share: float) -> tuple[Numbers, Numbers]:
    """Draw mean differences, (samples, sizes), and return their scale, (sizes,), as well."""
    n_splits = differences.shape[1]
    inflation = 1 / n_splits + test_share / (1 - test_share)
    mean = differences.mean(axis=1, keepdims=True)
    residuals = (differences - mean) / (n_splits - 1) ** 0.5
    own = np.sqrt((residuals**2).sum(axis=1))
    floor = FLOOR * own.mean()
    residuals = np.where(own[:, None] >= floor, residuals, 0.0)
    rng = np.random.default_rng(0)
    shrink = np.sqrt(inflation * (n_splits - 1) / rng.chisquare(n_splits - 1, N_SAMPLES))[:, None]
    drawn = rng.normal(size=(N_SAMPLES, n_splits)) @ residuals.T
    drawn += np.where(own < floor, floor, 0.0) * rng.normal(size=(N_SAMPLES, len(own)))
    samples: Numbers = mean[:, 0] + shrink * drawn
    return samples, np.sqrt(inflation) * np.maximum(own, floor)


def _certain(
    mean: Numbers, samples: Numbers, spread: Numbers, rope: float, at_all: int | None
) -> NDArray[np.int64]:
    """Return 1 where the first side is certain to lead, -1 where the second is, else 0."""
    scale = np.maximum(spread, np.finfo(float).tiny)
    width = np.quantile(np.abs((samples - mean) / scale).max(axis=1), BAND) * spread
    beyond = np.stack([(sign * samples > rope).mean(axis=0) for sign in (1, -1)]) > BEYOND_ROPE
    leads = np.stack([mean > width, mean < -width]) & beyond
    signs: NDArray[np.int64] = leads[0].astype(np.int64) - leads[1]
    if at_all is not None:
        signs[-1] = at_all
    return signs


@dataclass(frozen=True)
class _Leads:
    """The leads of two sides over the labels.

    Attributes:
        mean: (sizes,) differences; above zero the first side is better.
        samples: (samples, sizes) of it.
        certain: (sizes,) as `_certain` returns it.
    """

    names: tuple[str, str]
    sizes: Numbers
    mean: Numbers
    samples: Numbers
    certain: NDArray[np.int64]
    rope: float
    unit: str

    def told(self) -> LabelsNeeded:
        """Return what is certain, with its sentence."""
        places = np.flatnonzero(self.certain)
        if not len(places):
            return LabelsNeeded(self._none())
        signs = self.certain[places]
        if (np.diff(signs) != 0).sum() > 1:
            return LabelsNeeded(self._changing())
        if signs[0] != signs[-1]:
            return self._crossover()
        return self._one_lead()

    @cached_property
    def sign(self) -> int:
        """Return 1 where the first of the names leads with the fewest labels, else -1."""
        return int(self.certain[np.flatnonzero(self.certain)[0]])

    @cached_property
    def ordered(self) -> tuple[str, str]:
        """Return the side that leads with the fewest labels, and the other one."""
        return self.names if self.sign > 0 else (self.names[1], self.names[0])

    @property
    def start(self) -> int:
        """Return the position of the first size at which a lead is certain."""
        return int(np.flatnonzero(self.certain)[0])

    def turn(self, threshold: float) -> Turn:
        """Return where the first side's lead falls below a threshold for good."""
        (_,), (at,) = self._crossings(self.mean[None], threshold)
        firsts, lasts = self._crossings(self.samples, threshold)
        low = np.quantile(firsts, INTERVAL[0], method="nearest")
        high = np.quantile(lasts, INTERVAL[1], method="nearest")
        return Turn(float(at), min(float(low), float(at)), max(float(high), float(at)))

    def _crossings(self, curves: Numbers, threshold: float) -> tuple[Numbers, Numbers]:
        """Return the first and the last number of labels at which each curve falls below.

        Curves are read from the first certain lead on; infinite: it does not fall below.
        """
        values = self.sign * curves[:, self.start :] - threshold
        logs = np.log(self.sizes[self.start :])
        before, after = values[:, :-1], values[:, 1:]
        falls = (before >= 0) & (after < 0)
        steps = before / np.where(falls, before - after, 1.0)
        places = np.exp(logs[:-1] + steps * np.diff(logs))
        first = np.where(falls, places, inf).min(axis=1, initial=inf)
        last = np.where(falls, places, -inf).max(axis=1, initial=-inf)
        never = np.where(values[:, 0] < 0, self.sizes[self.start], inf)
        is_above = values[:, -1] >= 0
        return (
            np.where(values[:, 0] < 0, self.sizes[self.start], first),
            np.where(is_above, inf, np.where(falls.any(axis=1), last, never)),
        )

    # ------------------------------------------------------------------------------- sentences

    def _crossover(self) -> LabelsNeeded:
        first, second = self.ordered
        until, since = self.turn(self.rope), self.turn(-self.rope)
        sentence = (
            f"{self._up_to(until)} labels {first} is ahead of {second} by more than "
            f"{self._rope}, from about {since} on, {second} is."
        )
        return LabelsNeeded(sentence, first, until, second, since)

    def _one_lead(self) -> LabelsNeeded:
        first, second = self.ordered
        ahead = f"{first} is ahead of {second} by more than {self._rope}"
        if self.start == len(self.sizes) - 1:
            few = "with fewer neither lead is certain"
            return LabelsNeeded(f"With all {self._most} labels {ahead}; {few}.", first)
        if self.certain[-1]:
            return LabelsNeeded(f"From {self._least} to {self._most} labels {ahead}.", first)
        until = self.turn(self.rope)
        if isinf(until.labels):
            upto = f"From {self._least} to about {rounded(until.low)} labels {ahead}; with more "
            return LabelsNeeded(f"{upto}that is not certain.", first, until)
        sentence = (
            f"{self._up_to(until)} labels {ahead}; from there to {self._most} neither lead is "
            f"certain."
        )
        return LabelsNeeded(sentence, first, until)

    def _none(self) -> str:
        between = f"between {self.names[0]} and {self.names[1]}"
        reach = f"from {rounded(self.sizes[0])} to {self._most} labels"
        is_equal = (np.abs(self.samples) <= self.rope).mean(axis=0) > CONFIDENCE
        if is_equal.all():
            return f"No difference that matters, of more than {self._rope}, {between} {reach}."
        return f"No lead of more than {self._rope} {between} is certain {reach}."

    def _changing(self) -> str:
        return (
            f"Which of {self.names[0]} and {self.names[1]} leads changes more than once from "
            f"{rounded(self.sizes[0])} to {self._most} labels."
        )

    def _up_to(self, until: Turn) -> str:
        return (
            f"Up to about {until}" if not self.start else f"From {self._least} up to about {until}"
        )

    @property
    def _least(self) -> str:
        return f"{self.sizes[self.start]:,.0f}"

    @property
    def _most(self) -> str:
        return f"{self.sizes[-1]:,.0f}"

    @property
    def _rope(self) -> str:
        return f"{small(self.rope)} {self.unit}".rstrip()


def rounded(labels: float, to: Callable[[float], float] = round) -> str:
    """Format a number of labels with two significant digits; "more" where it is infinite."""
    if isinf(labels):
        return "more"
    step = 10 ** max(0, floor(log10(labels)) - 1)
    return f"{to(labels / step) * step:,.0f}"
