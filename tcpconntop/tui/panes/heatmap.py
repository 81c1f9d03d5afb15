"""The heatmap pane.

  100ms┤                                                     connects / 1s
       │             ▄▄                                      ██ 100
   10ms┤▄▄▄▄▄▄▄▄▄▄▄▄▄██▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄       ██ 10
    1ms┤▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀       ██ 1
 failed│█ ██  █     ███  █  ███      █   ███ ██               max 3
       -1m          -40s           -20s            now
Latency on a log axis; the more connects, the further a colour is from the background; two rows in a line.
Where the terminal has few colours, shade characters stand for the counts, one row in a line.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from rich.color import Color
from rich.style import Style
from rich.text import Span, Text

from tcpconntop.core.format import count, round_elapsed
from tcpconntop.core.lazy import lazy, np
from tcpconntop.core.types import SECOND_NS, Ints
from tcpconntop.tui.panes.pane import LABEL_WIDTH, LEGEND_WIDTH, Pane
from tcpconntop.tui.text.contrast import SHAPE_CONTRAST, readable
from tcpconntop.tui.text.lines import fit

if TYPE_CHECKING:
    from tcpconntop.core.analysis import axes
    from tcpconntop.core.analysis import heatmap as heatmaps
    from tcpconntop.core.analysis.heatmap import EvenDecades, HeatmapScale
    from tcpconntop.core.analysis.heatmap import Heatmap as Heat
    from tcpconntop.core.analysis.selection import Selection
else:
    axes = lazy("tcpconntop.core.analysis.axes")
    heatmaps = lazy("tcpconntop.core.analysis.heatmap")

LEGEND_MIN_WIDTH = 48
"""Width of the pane from which the legend is shown."""

COLOURS = 7
SHADES = "░▒▓█"
FEW_FAILED, FEW_FAILED_ON_LIGHT = 0.5, 0.7
"""How much of their colour the fewest failures have: one alone must be seen."""
UNKNOWN = -1
"""Band of the time before the window begins."""


class Heatmap(Pane):
    """Connects by time and latency, and failures by time."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"heat--{band}" for band in range(COLOURS + 1)}
    MIN_HEIGHT = 5

    def __init__(self) -> None:
        super().__init__()
        self._scale: tuple[tuple[object, ...], HeatmapScale] | None = None
        self._columns: tuple[Heat, Ints] | None = None  # the map, and the step of each column

    def moment_at(self, x: int) -> int | None:
        """Return when the step that is drawn at a column ends."""
        if self._columns is None or self._selection is None:
            return None
        (heat, step_of), column = self._columns, x - LABEL_WIDTH - 1
        if not 0 <= column < len(step_of):
            return None
        end = (heat.first + int(step_of[column]) + 1) * heat.step_s
        return min(end * SECOND_NS, self._selection.snapshot.now_ns)

    def draw_selection(self, selection: Selection, width: int, height: int) -> Text:
        """Draw the map, the line of failures, the axes and the legend."""
        legend = LEGEND_WIDTH if width >= LEGEND_MIN_WIDTH else 0
        cells = width - LABEL_WIDTH - 1 - max(legend, 1)
        lines = height - 2
        rows = lines if self.has_few_colours else 2 * lines
        heat = heatmaps.heatmap(selection.snapshot, selection.group_of, cells)
        scale = self._stable_scale(heat, lines, rows, selection)
        axis = heatmaps.even_decades(scale.low_us, scale.high_us, lines)
        edges = heatmaps.band_edges(scale.max_count, len(SHADES) if self.has_few_colours else COLOURS)
        step_of = heat.step_of_cell(cells)
        self._columns = heat, step_of
        matrix = heat.matrix(axis.low_us, axis.high_us, rows)[::-1]
        grid = heatmaps.band_of(matrix, edges)[:, step_of]
        failed = heatmaps.band_of(heat.failed, edges)[step_of]
        before_start = step_of < heat.first_known_step
        grid[:, before_start] = failed[before_start] = UNKNOWN
        body = (self._shaded if self.has_few_colours else self._coloured)(grid, failed, len(edges))
        labels = _labels(axis, lines)
        right = self._legend(heat, edges, lines) if legend else []
        picture = []
        for line, drawn in enumerate(body):
            ink = self.paint("warn" if line == lines and failed.max() > 0 else "dim")
            picture.append(Text.assemble((labels[line], ink), drawn, *right[line : line + 1], no_wrap=True))
        picture.append(
            Text(" " * (LABEL_WIDTH + 1) + _times(heat, cells, self.end_s(selection)), self.paint("dim"))
        )
        return Text("\n", no_wrap=True, end="").join(picture)

    def _stable_scale(self, heat: Heat, lines: int, rows: int, selection: Selection) -> HeatmapScale:
        """Return the scale; it seldom changes while the same selection is drawn in the same size."""
        key = (self._about, rows, heat.step_s, selection.snapshot.window_s)
        before = self._scale[1] if self._scale is not None and self._scale[0] == key else None
        scale = heatmaps.HeatmapScale.for_heatmap(heat, lines, rows, before)
        self._scale = (key, scale)
        return scale

    def _shaded(self, grid: Ints, failed: Ints, n: int) -> list[Text]:
        """Return a line of shade characters for each row, and one for the failures."""
        shades = (SHADES[shade - 1] for shade in _spread(n, len(SHADES)))
        glyphs = np.array([" ", *shades, " "])  # the last is `UNKNOWN`
        lines = [Text("".join(glyphs[row]), no_wrap=True) for row in grid]
        return [*lines, Text("".join(glyphs[failed]), self.paint("warn"), no_wrap=True)]

    def _coloured(self, grid: Ints, failed: Ints, n: int) -> list[Text]:
        """Return a line of half blocks for every two rows, and one for the failures."""
        colours = [self._colour(band) for band in (0, *_spread(n, COLOURS))]
        styles: dict[tuple[int, int], tuple[str, Style]] = {}
        lines = [
            _runs(upper, lower, colours, styles) for upper, lower in zip(grid[::2], grid[1::2], strict=True)
        ]
        warn = self.rgb("warn")
        least = FEW_FAILED if self.app.current_theme.dark else FEW_FAILED_ON_LIGHT
        shares = (least + (1 - least) * band / max(n - 1, 1) for band in range(n))
        mixed = (_mixed(colours[0], warn, share) for share in shares)
        steps = [colours[0], *(readable(step, colours[0], SHAPE_CONTRAST) for step in mixed)]
        return [*lines, _runs(failed, failed, steps, {})]

    def _colour(self, band: int) -> Color:
        """Return the colour of a band of counts; band 0 is the ground, from which the others differ."""
        colour, ground = (
            self.get_component_rich_style(f"heat--{n}").color or Color.default() for n in (band, 0)
        )
        return readable(colour, ground, SHAPE_CONTRAST) if band else ground

    def _legend(self, heat: Heat, edges: tuple[int, ...], lines: int) -> list[Text]:
        """Return the legend: colours and counts, the highest first, and the maximum of failures."""
        step = round_elapsed(heat.step_s)
        legend = [Text(f" connects / {step}", self.paint("dim"))]
        every = -(-len(edges) // (lines - 1))
        looks = _spread(len(edges), len(SHADES) if self.has_few_colours else COLOURS)
        for edge, look in reversed([*zip(edges, looks, strict=True)][::every]):
            if self.has_few_colours:
                swatch = Text(f" {SHADES[look - 1] * 2} ")
            else:
                swatch = Text(" ██ ", Style(color=self._colour(look)))
            legend.append(swatch.append(count(edge), self.paint("dim")))
        legend += [Text()] * (lines - len(legend))
        most = math.ceil(heat.failed.max())
        return [*legend, Text(f" max {count(most)}" if most else "", self.paint("dim"))]


def _spread(n: int, among: int) -> list[int]:
    """Return `n` of the numbers 1 … `among`, evenly spaced, including the first and the last."""
    return [round(1 + i * (among - 1) / max(n - 1, 1)) for i in range(n)]


def _mixed(low: Color, high: tuple[int, int, int], share: float) -> Color:
    """Return a colour between two: `share` of the way to `high`."""
    return Color.from_rgb(*(a + (b - a) * share for a, b in zip(low.get_truecolor(), high, strict=True)))


def _runs(
    upper: Ints, lower: Ints, colours: list[Color], styles: dict[tuple[int, int], tuple[str, Style]]
) -> Text:
    """Return a line of half blocks, with one span for each run of equal cells."""
    starts = np.flatnonzero(np.concatenate(([True], (np.diff(upper) != 0) | (np.diff(lower) != 0))))
    ends = [*starts[1:].tolist(), len(upper)]
    pieces, spans = [], []
    for start, end in zip(starts.tolist(), ends, strict=True):
        pair = (int(upper[start]), int(lower[start]))
        if pair not in styles:
            styles[pair] = _half_blocks(*pair, colours)
        glyph, style = styles[pair]
        pieces.append(glyph * (end - start))
        spans.append(Span(start, end, style))
    return Text("".join(pieces), no_wrap=True, spans=spans)


def _half_blocks(upper: int, lower: int, colours: list[Color]) -> tuple[str, Style]:
    """Return the character and the style of a cell whose halves have these bands."""
    if upper == UNKNOWN:
        return " ", Style.null()
    if upper == lower:
        return (" ", Style(bgcolor=colours[0])) if not upper else ("█", Style(color=colours[upper]))
    glyph, ink, ground = ("▀", upper, lower) if upper else ("▄", lower, upper)
    return glyph, Style(color=colours[ink], bgcolor=colours[ground])


def _labels(axis: EvenDecades, lines: int) -> list[str]:
    """Return the labels of the lines, from the top: a power of ten at the line whose lower edge it is."""
    labels = []
    for line in range(lines - 1, -1, -1):
        us = axis.label_us(line)
        text = "" if us is None else axes.round_duration(us)
        labels.append(fit(text, LABEL_WIDTH, True) + ("┤" if text else "│"))
    return [*labels, fit("failed", LABEL_WIDTH, True) + "│"]


def _times(heat: Heat, cells: int, end_s: float | None) -> str:
    """Return the labels of the time axis, counted back from its end at the right edge; None is now."""
    per_s = cells / (heat.steps * heat.step_s)
    at_most = 6 if cells >= 90 else 3 if cells >= 36 else 1
    *labels, (_, end) = axes.axis_labels(heat.reach_s, at_most, end_s, cells >= 36)
    line = end.rjust(cells)
    for age_s, label in labels:
        middle = round(cells - age_s * per_s)
        start = max(0, middle - (0 if age_s == heat.reach_s else len(label) // 2))
        line = line[:start] + label + line[start + len(label) :]
    return line[:cells]
