"""The panes of every screen with a table, in the order of their tabs.

To add a pane: write its module with a subclass of `Pane`, and name it in `PANES`.
"""

from __future__ import annotations

from collections.abc import Mapping

from tcpconntop.tui.panes.explain import Explain
from tcpconntop.tui.panes.failures import Failures
from tcpconntop.tui.panes.heatmap import Heatmap
from tcpconntop.tui.panes.histogram import Histogram
from tcpconntop.tui.panes.pane import Pane
from tcpconntop.tui.panes.timeline import Timeline

EXPLAIN = "Explain"
"""The pane that the action `explain` shows."""

PANES: Mapping[str, type[Pane]] = {
    "Histogram": Histogram,
    "Timeline": Timeline,
    "Heatmap": Heatmap,
    "Failures": Failures,
    EXPLAIN: Explain,
}
"""The class of each pane by the name on its tab."""


def make_panes() -> dict[str, Pane]:
    """Return a new pane of each class, by name."""
    return {name: pane() for name, pane in PANES.items()}
