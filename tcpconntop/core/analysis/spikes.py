"""Find spikes in an overview: times at which connects were slower, or failed more, than just before.

A step of time belongs to a spike if its p99 is `FACTOR` times that of the steps before it, or its share of
failures is higher by `RISE` and twice as high, and if neither can be noise: the lower ends of their intervals
are compared (`noise.py` for the p99; E. B. Wilson: Probable inference, the law of succession, and statistical
inference, Journal of the American Statistical Association 22 (1927) for the share). Of the steps before, the
upper quartile counts: what comes and goes all the time is no spike. Steps that are parts of one block of the
past count once: its figures are those of all of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tcpconntop.core.analysis.overview import Overview
from tcpconntop.core.thresholds import FELT_US, MIN_FAILURES, MIN_SAMPLES, NOTABLE_SHARE
from tcpconntop.core.types import Floats, Rows

FACTOR = 3.0
"""A step is slow if its p99 is this many times that of the steps before it."""

RISE = NOTABLE_SHARE
"""A step fails if its share of failures is higher by this than that of the steps before it."""

BEFORE, LEAST_BEFORE = 30, 3
"""How many blocks before a spike it is compared with, and how many of them must have enough connects."""

FLICKER = 2
"""Up to so many steps are a spike that the next one is compared with, too; longer ones are left out."""

LONGEST = 60
"""After so many steps, what was a spike is how things are now."""

_DEVIATIONS = 2.576
"""Standard deviations of the interval of a share, for a probability of 1% to be outside."""


@dataclass(frozen=True)
class Spike:
    """Consecutive steps that stand out.

    Attributes:
        first, last: the numbers of its first and its last step.
        p99_us: its highest p99; NaN where nothing connected.
        usual_us: p99 of the steps before it; NaN if it is not known.
        share: its highest share of failures.
        usual_share: share of failures of the steps before it.
        slow: True if it is slower than usual; False if it only fails more.
    """

    first: int
    last: int
    p99_us: float
    usual_us: float
    share: float
    usual_share: float
    slow: bool


def find_spikes(overview: Overview) -> list[Spike]:
    """Return the spikes of what is known, in order; one that may still go on is left out."""
    return list(_spikes(overview))


def next_spike(overview: Overview, spikes: Sequence[Spike], now_ns: int, by: int) -> Spike | None:
    """Return the first spike that ends after a moment (1), or the last one that ends before it (-1)."""
    if by > 0:
        return next((spike for spike in spikes if overview.end_ns(spike.last) > now_ns), None)
    return next((spike for spike in reversed(spikes) if overview.end_ns(spike.last) < now_ns), None)


def _spikes(overview: Overview) -> Iterator[Spike]:
    known = overview.n_counted
    attempts, failed = overview.attempts[:known], overview.failed[:known]
    enough, some = attempts - failed >= MIN_SAMPLES, attempts >= MIN_SAMPLES
    p99_us = np.where(enough, overview.p99_us[:known], np.nan)
    share = np.where(some, failed / np.maximum(attempts, 1), np.nan)
    lowest = _lower_end(failed, attempts)
    blocks = np.arange(known) if overview.block_of is None else overview.block_of[:known]
    usual: list[int] = []  # one step of each block that the next one is compared with, oldest first
    run: list[int] = []  # the steps of the spike that goes on
    usual_us = usual_share = math.nan
    slow = False

    def ended() -> Spike:
        steps = slice(run[0], run[-1] + 1)
        return Spike(
            run[0],
            run[-1],
            float(np.nanmax(p99_us[steps], initial=-1.0)) if enough[steps].any() else math.nan,
            usual_us,
            float(np.nanmax(share[steps], initial=0.0)),
            usual_share,
            slow,
        )

    for step in range(known):
        if not some[step]:
            continue  # too few connects to say anything: a spike may go on behind them
        if not run:
            usual_us, usual_share = (_usual(values, usual, step, blocks) for values in (p99_us, share))
        is_slow = bool(
            enough[step]
            and p99_us[step] >= FELT_US
            and overview.p99_low_us[step] >= FACTOR * usual_us  # False where that is NaN
        )
        fails = bool(
            failed[step] >= MIN_FAILURES
            and lowest[step] >= usual_share + RISE
            and share[step] >= 2 * usual_share
        )
        if (is_slow or fails) and len(run) < LONGEST:
            slow = is_slow or (slow and bool(run))
            run.append(step)
            continue
        if run:
            yield ended()
            usual = usual + run if len(run) <= FLICKER else run if len(run) >= LONGEST else usual
            run = []
        if not usual or blocks[usual[-1]] != blocks[step]:
            usual = [*usual[1 - BEFORE :], step]
    if run and overview.complete:
        yield ended()


def _usual(values: Floats, before: list[int], step: int, blocks: Rows) -> float:
    """Return the upper quartile of the blocks before a step; at the beginning, of those after it."""
    known = values[before[-BEFORE:]]
    known = known[~np.isnan(known)]
    if len(known) < LEAST_BEFORE:
        begins = step + 1 + np.flatnonzero(np.diff(blocks[step:]))
        known = values[begins[:BEFORE]]
        known = known[~np.isnan(known)]
    if len(known) < LEAST_BEFORE:
        return math.nan
    return float(np.sort(known)[int(0.75 * (len(known) - 1))])


def _lower_end(failed: Floats, attempts: Floats) -> Floats:
    """Return the lower end of the interval of each share of failures."""
    n, z = np.maximum(attempts, 1), _DEVIATIONS
    share = failed / n
    spread = z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    lower: Floats = (share + z * z / (2 * n) - spread) / (1 + z * z / n)
    return lower
