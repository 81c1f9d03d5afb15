"""The figures of a view's rows, each computed when somebody asks for it: most columns never sort. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, partial

import numpy as np
import numpy.typing as npt

from tcpconntop.core.counts import PagedCounts, quantiles_us
from tcpconntop.core.types import Floats, Rows
from tcpconntop.core.view.baseline import CHANGES, compare_with_baseline
from tcpconntop.core.window import stats as st
from tcpconntop.core.window.state import WindowState
from tcpconntop.core.wire import Outcome

QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}

FAILURES = tuple(outcome for outcome in Outcome if outcome is not Outcome.OK)

PAGE_ROWS = 64
"""How many neighbouring rows have a figure computed together where only some rows are asked for."""


class ExactMetrics:
    """Figures that are read off the exact ones of some rows.

    Args:
        stats: exact figures of each row (dtype `STATS`), shape (n,).
        span_s: seconds that the window covers.
    """

    def __init__(self, stats: st.Stats, span_s: float) -> None:
        self.stats, self._span_s = stats, span_s

    @cached_property
    def ok(self) -> Floats:
        """Connects that succeeded."""
        return self.stats["outcomes"][:, 0].astype(np.float64)

    @cached_property
    def ended(self) -> Floats:
        """Connects that ended, whatever came of them."""
        return st.attempt_counts(self.stats).astype(np.float64)

    def failed_share(self) -> Floats:
        """Give the share of connects that did not succeed; NaN where none ended."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.ended > 0, (self.ended - self.ok) / self.ended, np.nan)

    def latency(self, name: str) -> Floats:
        """Give a field in ns as µs; NaN where nothing connected."""
        return np.where(self.ok == 0, np.nan, self.stats[name] / 1000)

    def outcome(self, outcome: Outcome) -> Floats:
        """Count the connects with an outcome."""
        return self.stats["outcomes"][:, outcome].astype(np.float64)

    def mean(self) -> Floats:
        """Give the mean latency in µs; NaN where nothing connected."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.ok == 0, np.nan, self.stats["sum_ns"] / self.ok / 1000)

    def rate(self) -> Floats:
        """Give ended connects a second."""
        return self.ended / max(self._span_s, 1e-9)


EXACT_METRICS: dict[str, Callable[[ExactMetrics], Floats]] = {
    "rate": ExactMetrics.rate,
    "count": lambda rows: rows.ended.copy(),
    "ok": lambda rows: rows.ok.copy(),
    "failed": lambda rows: rows.ended - rows.ok,
    **{outcome.label: partial(ExactMetrics.outcome, outcome=outcome) for outcome in FAILURES},
    "fail": ExactMetrics.failed_share,
    "rtx": lambda rows: rows.stats["syn_retransmits"].astype(np.float64),
    "min": lambda rows: rows.latency("min_ns"),
    "mean": ExactMetrics.mean,
    "max": lambda rows: rows.latency("max_ns"),
    "last": lambda rows: np.where(rows.stats["last_ns"] < 0, np.nan, rows.latency("last_ns")),
}


class GroupMetrics:
    """Figures of groups of keys, in the order of the groups.

    Args:
        window: whose keys they are.
        group_of: for each key its group (0 … n_groups - 1), or -1.
        n_groups: number of groups.
        span_s: seconds that the window covers.
    """

    def __init__(self, window: WindowState, group_of: Rows, n_groups: int, span_s: float) -> None:
        self._window, self.group_of, self.n_groups = window, group_of, n_groups
        self._span_s = span_s
        self._columns: dict[str, Floats] = {}
        self._baseline: tuple[Mapping[str, Floats], Rows] | None = None

    def set_baseline(self, baseline: Mapping[str, Floats], at: Rows) -> None:
        """Have the columns that compare with a mark (`CHANGES`).

        Args:
            baseline: figures of the rows at the mark.
            at: for each group its row there, or -1.
        """
        self._baseline = (baseline, at)

    @property
    def names(self) -> tuple[str, ...]:
        """The figures that there are."""
        return (*EXACT_METRICS, *QUANTILES, *(CHANGES if self._baseline else ()))

    @cached_property
    def stats(self) -> st.Stats:
        """Exact figures of each group (dtype `STATS`), shape (n,)."""
        return st.regroup(self._window.stats, self.group_of, self.n_groups)

    @cached_property
    def _exact(self) -> ExactMetrics:
        return ExactMetrics(self.stats, self._span_s)

    def column(self, key: str) -> Floats:
        """Give a figure of all groups, shape (n,); µs, Hz, shares and counts."""
        values = self._columns.get(key)
        if values is None:
            values = self._computed(key)
            values.flags.writeable = False
            self._columns[key] = values
        return values

    def _computed(self, key: str) -> Floats:
        if self._baseline and key in CHANGES:
            baseline, at = self._baseline
            return compare_with_baseline(key, self.column(CHANGES[key].metric), baseline, at)
        return self._quantile(key) if key in QUANTILES else EXACT_METRICS[key](self._exact)

    def for_groups(self, key: str, groups: Rows) -> dict[str, Floats]:
        """Give a figure of some groups, shape (len(groups),), and whatever else comes with it."""
        if key in QUANTILES:
            return dict(zip(QUANTILES, self.quantiles(groups).T, strict=True))
        if key in EXACT_METRICS:
            return {key: EXACT_METRICS[key](ExactMetrics(self.stats.take(groups), self._span_s))}
        return {key: self.column(key)[groups]}

    def quantiles(self, groups: Rows) -> Floats:
        """Give every quantile of some groups, shape (len(groups), len(QUANTILES))."""
        if self.n_groups <= PAGE_ROWS:
            return np.stack([self.column(name)[groups] for name in QUANTILES], axis=1)
        place = np.full(self.n_groups + 1, -1)
        place[groups] = np.arange(len(groups))
        places = place[self.group_of]
        latency = self._window.latency_pages.select_rows(np.flatnonzero(places >= 0)).regroup(places)
        values = quantiles_us(latency, len(groups), list(QUANTILES.values()))
        return self._bounded(values, groups[:, np.newaxis])

    def _quantile(self, key: str) -> Floats:
        """Read a quantile of all groups; those of a single key, which most are, without merging anything."""
        alone, single = self._alone
        values = np.full(self.n_groups, np.nan)
        q = [QUANTILES[key]]
        if len(alone):
            of_keys = quantiles_us(self._window.latency_pages, len(self.group_of), q)
            values[self.group_of[alone]] = of_keys[alone, 0]
        if not single.all():
            values[~single] = quantiles_us(self._several, self.n_groups, q)[~single, 0]
        return self._bounded(values, np.arange(self.n_groups))

    @cached_property
    def _alone(self) -> tuple[Rows, npt.NDArray[np.bool_]]:
        """The keys that are alone in their group, and which groups have a single key."""
        keys = np.flatnonzero(self.group_of >= 0)
        groups = self.group_of[keys]
        single = np.bincount(groups, minlength=self.n_groups) == 1
        return keys[single[groups]], single

    @cached_property
    def _several(self) -> PagedCounts:
        """Bucket counts of the groups that have several keys."""
        single = np.append(self._alone[1], True)  # -1 is the one at the end
        return self._window.latency_pages.regroup(np.where(single[self.group_of], -1, self.group_of))

    def _bounded(self, values: Floats, groups: Rows) -> Floats:
        # A bucket's middle may lie outside of what was really seen: the exact extremes bound it.
        return np.fmin(np.fmax(values, self.column("min")[groups]), self.column("max")[groups])


class Metrics(Mapping[str, Floats]):
    """The figures of rows by column, each of shape (n,); NaN where there is nothing to tell.

    Args:
        groups: what the rows are taken from.
        order: the group of each row, shape (n,).
    """

    def __init__(self, groups: GroupMetrics, order: Rows) -> None:
        self._groups, self._order = groups, order
        self._columns: dict[str, Floats] = {}
        self._pages: dict[tuple[str, int], list[float]] = {}

    def __getitem__(self, key: str) -> Floats:
        if key not in self._columns:
            if key not in self._groups.names:
                raise KeyError(key)
            self._columns[key] = self._groups.column(key)[self._order]
        return self._columns[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._groups.names)

    def __len__(self) -> int:
        return len(self._groups.names)

    @property
    def stats(self) -> st.Stats:
        """Exact figures of each row (dtype `STATS`), shape (n,); a copy."""
        stats: st.Stats = self._groups.stats.take(self._order)
        return stats

    def value(self, key: str, row: int) -> float:
        """Give a figure of one row; it is computed for that row and its neighbours alone."""
        page, place = divmod(row, PAGE_ROWS)
        values = self._pages.get((key, page))
        if values is None:
            values = self._page(key, page)
        return values[place]

    def _page(self, key: str, page: int) -> list[float]:
        if key not in self._groups.names:
            raise KeyError(key)
        rows = slice(page * PAGE_ROWS, (page + 1) * PAGE_ROWS)
        known = key in self._columns
        found = {key: self._columns[key][rows]} if known else self._groups.for_groups(key, self._order[rows])
        self._pages |= {(name, page): values.tolist() for name, values in found.items()}
        return self._pages[key, page]
