"""The timeline pane.

   10ms┤             ⢀⣀                           ── p99 14.2ms
    1ms┤⠤⠤⠤⠒⠒⠒⠤⠤⠤⠒⠒⠒⠁ ⠉⠒⠒⠤⠤⠤⠒⠒                    ── p90  900µs
  100µs┤⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀                    ── p50  210µs
       └┬──────────────────────┬──────────────────────┬
       -60s                  -30s                   now
 conn/s ▃▃▅▃▅▃▃▂▃▃▅▃▅▃▃▂▃▃▅▃▅▃▃▂▃▃▅▃▅▃▃▂▃▃▅▃▅▃▃▂▃▃▅▃▅▃▃  max 412
Latency on a log axis; rate and failures as bars below it, on the same time axis.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rich.text import Text

from tcpconntop.core.format import duration, rate
from tcpconntop.core.lazy import lazy, np
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.view.metrics import QUANTILES
from tcpconntop.tui.panes.bar_chart import Frame, columns_of
from tcpconntop.tui.panes.pane import LABEL_WIDTH, LEGEND_WIDTH, Pane
from tcpconntop.tui.text.lines import fit
from tcpconntop.tui.text.sparkline import sparkline

if TYPE_CHECKING:
    import numpy.typing as npt

    from tcpconntop.core.analysis import axes
    from tcpconntop.core.analysis import series as serieses
    from tcpconntop.core.analysis.selection import Selection
    from tcpconntop.core.analysis.series import Series, TimeAxis
else:
    serieses = lazy("tcpconntop.core.analysis.series")
    axes = lazy("tcpconntop.core.analysis.axes")

QUANTILE_PAINTS = ("low", "mid", "high")
"""The colours of p50, p90 and p99."""


class Timeline(Pane):
    """Latency quantiles, rate and failures over the window."""

    MIN_HEIGHT = 5

    def __init__(self) -> None:
        super().__init__()
        self._axis: tuple[TimeAxis, int] | None = None  # and the number of columns

    def moment_at(self, x: int) -> int | None:
        """Return when the step that is drawn at a column ends."""
        if self._axis is None or self._selection is None:
            return None
        axis, columns = self._axis
        column = x - LABEL_WIDTH - 1
        if not 0 <= column < columns:
            return None
        step = axis.first + round(column * (axis.steps - 1) / max(columns - 1, 1))
        return min((step + 1) * axis.step_s * SECOND_NS, self._selection.snapshot.now_ns)

    def draw_selection(self, selection: Selection, width: int, height: int) -> Text:
        """Draw the plot, the bars below it and the legend beside it."""
        plot_width = width - LEGEND_WIDTH - 1
        columns = columns_of(plot_width, LABEL_WIDTH)
        axis = serieses.TimeAxis.covering(selection.snapshot, columns)
        steps, self._axis = selection.series(axis), (axis, columns)
        bars = [("conn/s", _rate(steps, steps.attempts[0], selection), "trend")]
        if steps.failed.any() and height >= 8:
            bars.append(("failed/s", _rate(steps, steps.failed[0], selection), "warn"))
        lines = self._plot(steps, plot_width, height - len(bars), self.end_s(selection))
        for line, legend in zip(lines, self._legend(selection), strict=False):
            line.pad_right(max(0, plot_width + 1 - line.cell_len))
            line.append_text(legend)
        lines += [self._bars(name, values, paint, plot_width) for name, values, paint in bars]
        return Text("\n", no_wrap=True, end="").join(lines[:height])

    def _plot(self, steps: Series, width: int, height: int, end_s: float | None) -> list[Text]:
        from tcpconntop.tui.panes import charts  # late, because plotext takes long to load

        quantiles = steps.quantiles_us[0]
        known = quantiles[np.isfinite(quantiles)]
        low, high = axes.decade_range(float(known.min()), float(known.max()), 1) if len(known) else (1.0, 1e6)
        span = math.log(high / low)
        exponents = range(round(math.log10(low)), round(math.log10(high)) + 1)
        every = max(1, -(-len(exponents) // max(1, (height - 2) // 2 + 1)))
        labels = [
            (math.log(10.0**n / low) / span, fit(axes.round_duration(10.0**n), LABEL_WIDTH, True))
            for n in exponents[::every]
        ]
        columns = columns_of(width, LABEL_WIDTH)
        frame = Frame(width, height, _ticks(steps, columns, end_s), labels, self.rgb("dim"))
        heights = np.log(np.maximum(quantiles, low) / low) / span
        drawn = [
            charts.Curve(heights[:, i].tolist(), self.rgb(paint)) for i, paint in enumerate(QUANTILE_PAINTS)
        ]
        return list(charts.curves(frame, drawn).split("\n"))

    def _legend(self, selection: Selection) -> list[Text]:
        parts = zip(QUANTILES, selection.quantiles_us, QUANTILE_PAINTS, strict=True)
        return [
            Text.assemble((f"── {name} ", self.paint(paint)), fit(duration(us), 6, right=True))
            for name, us, paint in reversed(list(parts))
        ]

    def _bars(self, name: str, values: npt.NDArray[np.float64], paint: str, width: int) -> Text:
        columns = width - LABEL_WIDTH - 1
        step_of = np.minimum(np.arange(columns) * len(values) // columns, len(values) - 1)
        line = Text(f"{fit(name, LABEL_WIDTH + 1, True)}", self.paint("dim"), no_wrap=True)
        line.append(sparkline(values[step_of].tolist()), self.paint(paint))
        line.append(f" max {rate(float(np.nanmax(values, initial=0)))}", self.paint("dim"))
        return line


def _rate(steps: Series, counts: npt.NDArray[np.float64], selection: Selection) -> npt.NDArray[np.float64]:
    """Return the rate in each step; NaN for the last one, which is not over, and before the start."""
    rates = counts / steps.step_s
    rates[-1] = np.nan
    rates[: max(0, len(rates) - 1 - math.ceil(selection.snapshot.span_s / steps.step_s))] = np.nan
    return rates


def _ticks(steps: Series, columns: int, end_s: float | None) -> list[tuple[float, str]]:
    """Return column and label of the ticks of the time axis, counted back from its end; None is now."""
    span_s = steps.attempts.shape[1] * steps.step_s
    at_most = 6 if columns >= 100 else 3 if columns >= 40 else 1
    labels = axes.axis_labels(span_s, at_most, end_s, columns >= 40)
    return [((columns - 1) * (1 - age_s / span_s), label) for age_s, label in labels]
