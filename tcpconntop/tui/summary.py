"""The second line: everything in the window at a glance.

1,284/s ▂▃▅▇▆▅▃▂▁   ok 99.2%  refused 0.6%  timeout 0.1%   in flight 3   p50 210µs  p90 900µs  p99 14.2ms
"""

from __future__ import annotations

from rich.text import Text

from tcpconntop.core.ledger import Ledger
from tcpconntop.core.subject import Subject, rates_hz
from tcpconntop.core.units import count, duration, percent, rate, sparkline
from tcpconntop.core.view import QUANTILES
from tcpconntop.core.wire import Outcome
from tcpconntop.tui.lines import Line, Part, fit, spread
from tcpconntop.tui.severity import latency_paint

_PAINT = {Outcome.OK: "good", Outcome.CANCELLED: "dim"}


class Summary(Line):
    """The summary strip. It speaks of the rows that are shown, its sparkline of the whole machine."""

    def __init__(self) -> None:
        super().__init__()
        self._subject: Subject | None = None
        self._ledger: Ledger | None = None

    def show(self, subject: Subject, ledger: Ledger | None) -> None:
        """Show all rows of a view; `ledger` gives the attempts in flight where they are known."""
        self._subject, self._ledger = subject, ledger
        self.changed()

    def draw(self, width: int) -> Text:
        """Draw the line."""
        subject = self._subject
        if subject is None:
            return Text()
        snapshot = subject.snapshot
        per_s = subject.attempts / max(snapshot.span_s, 1e-9)
        parts = [Part(Text(f"{fit(rate(per_s), 5, right=True)}/s", self.paint("strong")))]
        if self._ledger is not None and width >= 60:
            bars = sparkline(rates_hz(snapshot, 30 if width >= 150 else 20 if width >= 110 else 12))
            parts.append(Part(Text(bars, self.paint("accent")), 8))
        parts += self._outcomes(subject.outcomes)
        if self._ledger is not None:
            in_flight = count(self._ledger.in_flight)
            parts.append(Part(self._pair("in flight", fit(in_flight, 3, right=True)), 7))
        for priority, (name, us) in zip(
            (4, 5, 3), zip(QUANTILES, subject.quantiles_us, strict=True), strict=True
        ):
            value = fit(duration(us), 6, right=True)
            parts.append(Part(self._pair(name, value, latency_paint(us)), priority))
        return spread(parts, [], width)

    def _pair(self, word: str, value: str, paint: str = "") -> Text:
        return Text.assemble((f"{word} ", self.paint("dim")), (value, self.paint(paint)))

    def _outcomes(self, outcomes: tuple[int, ...]) -> list[Part]:
        total = sum(outcomes)
        parts = []
        for outcome in Outcome:
            n = outcomes[outcome]
            if n or outcome is Outcome.OK:
                share = fit(percent(n / total) if total else "-", 4, right=True) + "%"
                paint = _PAINT.get(outcome, "warn")
                priority = 1 if outcome is Outcome.OK else 10 + outcome
                parts.append(Part(self._pair(outcome.label, share, paint), priority))
        return parts
