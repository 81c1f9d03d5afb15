"""What is wrong with a row at a glance: for the column and order `trouble`, and for the dashboard. Pure.

The thresholds are those of the findings (`core/thresholds.py`), so that few connects never cry wolf.
A finding says more: why. With 10,000 destinations it takes 0.4 ms a refresh.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import TYPE_CHECKING

from tcpconntop.core.lazy import lazy, np
from tcpconntop.core.thresholds import (
    GIVEN_UP_SHARE,
    MIN_FAILURES,
    MIN_SAMPLES,
    MIN_UNANSWERED,
    NOTABLE_SHARE,
    SLOW_US,
)
from tcpconntop.core.types import Floats, Mask, Rows
from tcpconntop.core.wire import Outcome

if TYPE_CHECKING:
    from tcpconntop.core import counts
    from tcpconntop.core.window import stats as st
    from tcpconntop.core.window.state import WindowState
else:
    counts = lazy("tcpconntop.core.counts")

TROUBLE = "trouble"
"""Key of the column, and name of the order."""

TROUBLE_HELP = (
    "down: every connect failed; failing: 1% or more; given up: the program gave up 5% or more"
    " (cancelled) before an answer; resends: 1% or more succeeded only after a SYN was sent again; slow: 1%"
    " or more took 100ms or more; ?: some failed or were slow, too few to tell"
)

_CLASS = 1e12
"""Between two kinds of trouble in `urgency`: more than any count or latency in µs."""


class Trouble(IntEnum):
    """What is wrong with a row, the worst last."""

    NONE = 0
    SLOW = 1
    RESENDS = 2
    GIVEN_UP = 3
    FAILING = 4
    DOWN = 5

    @property
    def label(self) -> str:
        """Its text in the column: `down`; `-` for nothing."""
        return self.name.lower().replace("_", " ") if self else "-"


def ok_after_retransmit(window: WindowState) -> Rows:
    """Return the connects of each key that succeeded after a SYN was sent again, shape (keys,).

    Of counts without records: at most so many.
    """
    resent: Rows = window.stats["ok_resent"]
    return resent


def ok_at_least(window: WindowState, latency_us: float) -> Rows:
    """Return the connects of each key that succeeded and took so long, to the exactness of a bucket."""
    return window.latency_pages.counts_from(counts.first_bucket_from(latency_us), len(window.keys))


def troubles(window: WindowState, group_of: Rows, stats: st.Stats) -> Rows:
    """Return what is wrong with groups of keys (`Trouble`), shape (n_groups,).

    Cancelled connects count as failed only where nothing answered while SYNs were sent again, as in findings:
    in the network namespaces where it is so, whatever answers in others. Elsewhere nobody knows whether an
    answer was to come, so enough of them are a kind of their own.

    Args:
        window: the window that the keys belong to.
        group_of: group of each key, or -1, shape (keys,).
        stats: figures of each group (dtype `STATS`), shape (n_groups,).
    """
    result = np.zeros(len(stats), np.int64)
    if not len(stats):
        return result
    slow = _by_group(ok_at_least(window, SLOW_US), group_of, len(stats))
    outcomes = stats["outcomes"]
    ok, ended = outcomes[:, Outcome.OK], np.einsum("ij->i", outcomes)
    is_slow = slow >= MIN_FAILURES
    groups = np.flatnonzero(is_slow | (ended - ok >= MIN_UNANSWERED))  # few, so that the rest costs little
    if not len(groups):
        return result
    resent = slow[groups]  # none waited for a SYN where none was slow
    if is_slow.any():
        resent = _by_group(ok_after_retransmit(window), group_of, len(stats))[groups]
    slow, ok, ended = slow[groups], ok[groups], ended[groups]
    refused, cancelled = (outcomes[groups, outcome] for outcome in (Outcome.REFUSED, Outcome.CANCELLED))
    failed = ended - ok - cancelled
    if cancelled.any():
        failed += _given_up_unanswered(window, group_of, groups, len(stats))
    enough = (failed - refused >= MIN_UNANSWERED) | (refused >= MIN_FAILURES)
    result[groups] = np.select(
        [
            (ok == 0) & enough,
            (failed >= MIN_FAILURES) & (failed >= NOTABLE_SHARE * ended),
            (cancelled >= MIN_FAILURES) & (cancelled >= GIVEN_UP_SHARE * ended),
            (resent >= MIN_FAILURES) & (resent >= NOTABLE_SHARE * ok),
            (ok >= MIN_SAMPLES) & (slow >= MIN_FAILURES) & (slow >= NOTABLE_SHARE * ok),
        ],
        [Trouble.DOWN, Trouble.FAILING, Trouble.GIVEN_UP, Trouble.RESENDS, Trouble.SLOW],
        int(Trouble.NONE),
    )
    return result


def undecided(window: WindowState, group_of: Rows, stats: st.Stats, trouble: Rows) -> Mask:
    """Return which groups are in no trouble because too few of their connects failed or were slow.

    Args:
        window: the window that the keys belong to.
        group_of: group of each key, or -1, shape (keys,).
        stats: figures of each group (dtype `STATS`), shape (n_groups,).
        trouble: what is wrong with each group, shape (n_groups,).
    """
    outcomes = stats["outcomes"]
    ended = np.einsum("ij->i", outcomes)
    failed = ended - outcomes[:, Outcome.OK]  # the cancelled ones too, as in FAIL%
    notable = failed + _by_group(ok_at_least(window, SLOW_US), group_of, len(stats))
    mask: Mask = (trouble == Trouble.NONE) & (notable > 0) & (notable >= NOTABLE_SHARE * ended)
    return mask


def is_silent(answered: Rows | Floats, cancelled: Rows | Floats, syn_retransmits: Rows | Floats) -> Mask:
    """Return where nothing answered while SYNs were sent again, shape (n,); all are counts of shape (n,).

    So connects that were cancelled there had no answer to wait for.
    """
    silent: Mask = (answered == 0) & (2 * syn_retransmits >= cancelled)
    return silent


def _given_up_unanswered(window: WindowState, group_of: Rows, groups: Rows, n_groups: int) -> Rows:
    """Return the cancelled connects that nothing answered while SYNs were sent again, shape (len(groups),).

    Args:
        window: the window that the keys belong to.
        group_of: group of each key, or -1, shape (keys,).
        groups: groups to look at, ascending.
        n_groups: how many groups there are.
    """
    is_asked = np.zeros(n_groups + 1, np.bool_)
    is_asked[groups + 1] = True
    keys = np.flatnonzero(is_asked[group_of + 1])
    pairs = np.stack((group_of[keys], window.keys["netns"][keys].astype(np.int64)), axis=1)
    unique, pair_of = np.unique(pairs, axis=0, return_inverse=True)
    pair_of, outcomes = pair_of.reshape(-1), window.stats["outcomes"][keys]

    def by_pair(values: Rows) -> Floats:
        return np.bincount(pair_of, values, len(unique)).astype(np.float64)

    answered = by_pair(outcomes[:, Outcome.OK] + outcomes[:, Outcome.REFUSED])
    cancelled = by_pair(outcomes[:, Outcome.CANCELLED])
    silent = is_silent(answered, cancelled, by_pair(window.stats["syn_retransmits"][keys]))
    given_up = np.bincount(unique[:, 0], np.where(silent, cancelled, 0), n_groups)
    return given_up[groups].astype(np.int64)


def _by_group(values: Rows, group_of: Rows, n_groups: int) -> Rows:
    return np.bincount(group_of + 1, values, n_groups + 1)[1:]


def urgency(trouble: Rows, metrics: Mapping[str, Floats]) -> Floats:
    """Return what the order `trouble` sorts by, shape (n,): the kind of trouble, then failures or p99.

    Too few connects for `down` of which none succeeded come before all rows without trouble.

    Args:
        trouble: what is wrong with each row (`Trouble`).
        metrics: metrics of the rows by name.
    """
    p99, failed = metrics["p99"], metrics["failed"]
    within = np.where(np.isnan(p99), np.where(failed > 0, _CLASS / 2, -1.0), p99)
    within = np.where(trouble >= Trouble.GIVEN_UP, failed, within)
    return np.asarray(trouble * _CLASS + within, np.float64)
