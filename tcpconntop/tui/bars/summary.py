"""The third line: rate, shares of the outcomes and percentiles of the whole window.

1,284/s ▂▃▅▇▆▅▃▂▁   ok 99.2%  failed 0.8%   in flight    3   p50 210µs  p90 900µs  p99 14.2ms

Numbers change, places do not: which parts there are depends on the width alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from tcpconntop.core.format import count, duration, percent, rate
from tcpconntop.core.lazy import lazy, np
from tcpconntop.core.window.ledger import Ledger
from tcpconntop.core.wire import Outcome
from tcpconntop.tui.text.lines import Line, Part, fit, justify
from tcpconntop.tui.text.severity import latency_paint
from tcpconntop.tui.text.sparkline import sparkline

if TYPE_CHECKING:
    from tcpconntop.core.analysis import series
    from tcpconntop.core.analysis.selection import Selection
else:
    series = lazy("tcpconntop.core.analysis.series")

BARS_FROM = 100
"""Width from which the line has the sparkline."""


class Summary(Line):
    """The summary line. Its figures cover the shown rows, except `all: in flight`."""

    def __init__(self) -> None:
        super().__init__()
        self._selection: Selection | None = None
        self._ledger: Ledger | None = None

    def show(self, selection: Selection, ledger: Ledger | None) -> None:
        """Show all rows of a view; `ledger` gives the attempts in flight where they are known."""
        self._selection, self._ledger = selection, ledger
        self.redraw()

    def draw(self, width: int) -> Text:
        """Return the line."""
        selection = self._selection
        if selection is None:
            return Text()
        snapshot = selection.snapshot
        is_filtered = bool(selection.view.spec.where.terms)
        per_s = selection.attempts / max(snapshot.span_s, 1e-9)
        parts = [Part(Text(f"{fit(rate(per_s), 5, right=True)}/s", self.paint("strong")))]
        if self._ledger is not None and width >= BARS_FROM:
            rows = np.flatnonzero(selection.group_of == 0) if is_filtered else None
            bars = sparkline(series.attempt_rates_hz(snapshot, 30 if width >= 150 else 10, rows=rows))
            parts.append(Part(Text(bars, self.paint("trend")), 9))
        parts += self._outcomes(selection.outcomes)
        if self._ledger is not None:
            more = "+" if self._ledger.more_in_flight else ""
            in_flight = fit(count(self._ledger.in_flight) + more, 5, right=True)
            label = " all: in flight" if is_filtered else " in flight"  # an attempt has no row before its end
            parts.append(Part(self._pair(label, in_flight), 10))
        percentiles = zip(("p50", "p90", "p99"), selection.quantiles_us, (7, 8, 2), strict=True)
        for name, us, priority in percentiles:
            word = f" {name}" if name == "p50" else name
            parts.append(
                Part(self._pair(word, fit(duration(us), 6, right=True), latency_paint(us)), priority)
            )
        return justify(parts, [], width)

    def _pair(self, word: str, value: str, paint: str = "") -> Text:
        return Text.assemble((f"{word} ", self.paint("dim")), (value, self.paint(paint)))

    def _outcomes(self, outcomes: tuple[int, ...]) -> list[Part]:
        """Return the shares of successes and failures, and, where there is room for all, of each outcome."""
        total, ok = sum(outcomes), outcomes[Outcome.OK]
        shares = [
            self._share(
                outcome.label, outcomes[outcome], total, "" if outcome is Outcome.CANCELLED else "warn"
            )
            for outcome in Outcome
            if outcome is not Outcome.OK
        ]
        return [
            Part(self._share(" ok", ok, total, "good"), 1),
            Part(self._share("failed", total - ok, total, "warn"), 3),
            Part(Text("  ").join(shares), 11),
        ]

    def _share(self, word: str, n: int, total: int, paint: str) -> Text:
        text = percent(n / total) + "%" if total else "-"
        return self._pair(word, fit(text, 5, right=True), paint if n else "dim")
