"""The third line: rate, shares of the outcomes and percentiles of the whole window.

1,284/s ▂▃▅▇▆▅▃▂▁   ok 99.2%  failed 0.8%   in flight    3   p50 210µs  p90 900µs  p99 14.2ms

Numbers change, places do not: which parts there are depends on the width alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

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


class _Content(NamedTuple):
    """All that the line is drawn from: at rest it stays the same, and nothing is drawn.

    Attributes:
        width: of the line.
        rate: attempts per second.
        bars: the sparkline; empty where it has no room.
        outcomes: attempts by outcome.
        in_flight: the label and the attempts in flight; None where they are not known.
        quantiles: p50, p90 and p99, each as text and with the name of its colour.
    """

    width: int
    rate: str
    bars: str
    outcomes: tuple[int, ...]
    in_flight: tuple[str, str] | None
    quantiles: tuple[tuple[str, str], ...]


class Summary(Line):
    """The summary line. Its figures cover the shown rows, except `all: in flight`."""

    def __init__(self) -> None:
        super().__init__()
        self._selection: Selection | None = None
        self._ledger: Ledger | None = None
        self._content: _Content | None = None

    def show(self, selection: Selection | None, ledger: Ledger | None) -> None:
        """Show all rows of a view, or nothing; `ledger` gives the attempts in flight where they are known."""
        self._selection, self._ledger = selection, ledger
        read = None if selection is None else self._read(selection, self.size.width)
        before, self._content = self._content, read
        if self._content != before:
            self.redraw()

    def _read(self, selection: Selection, width: int) -> _Content:
        """Return what the line shows."""
        snapshot, ledger, bars, in_flight = selection.snapshot, self._ledger, "", None
        is_filtered = bool(selection.view.spec.where.terms)
        if ledger is not None and width >= BARS_FROM:
            rows = np.flatnonzero(selection.group_of == 0) if is_filtered else None
            bars = sparkline(series.attempt_rates_hz(snapshot, 30 if width >= 150 else 10, rows=rows))
        if ledger is not None:
            label = " all: in flight" if is_filtered else " in flight"  # an attempt has no row before its end
            in_flight = (label, count(ledger.in_flight) + ("+" if ledger.more_in_flight else ""))
        per_s = rate(selection.attempts / max(snapshot.span_s, 1e-9))
        quantiles = tuple((duration(us), latency_paint(us)) for us in selection.quantiles_us)
        return _Content(width, per_s, bars, selection.outcomes, in_flight, quantiles)

    def draw(self, width: int) -> Text:
        """Return the line."""
        if self._selection is None:
            return Text()
        content = self._content
        if content is None or content.width != width:
            content = self._content = self._read(self._selection, width)
        parts = [Part(Text(f"{fit(content.rate, 5, right=True)}/s", self.paint("strong")))]
        if content.bars:
            parts.append(Part(Text(content.bars, self.paint("trend")), 9))
        parts += self._outcomes(content.outcomes)
        if content.in_flight is not None:
            label, in_flight = content.in_flight
            parts.append(Part(self._pair(label, fit(in_flight, 5, right=True)), 10))
        for name, quantile, priority in zip(
            (" p50", "p90", "p99"), content.quantiles, (7, 8, 2), strict=True
        ):
            text, paint = quantile
            parts.append(Part(self._pair(name, fit(text, 6, right=True), paint), priority))
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
