"""What Explain finds in a selection, for all who show it: it is looked for once."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from tcpconntop.core.clock import clock
from tcpconntop.core.lazy import lazy, np
from tcpconntop.core.view.baseline import match_rows

if TYPE_CHECKING:
    from tcpconntop.core.analysis import explain as findings
    from tcpconntop.core.analysis import selection as selections
    from tcpconntop.core.analysis.explain import Finding
    from tcpconntop.core.analysis.selection import Selection
    from tcpconntop.core.view.view import View
    from tcpconntop.core.window import keys as all_keys
else:
    findings = lazy("tcpconntop.core.analysis.explain")
    selections = lazy("tcpconntop.core.analysis.selection")
    all_keys = lazy("tcpconntop.core.window.keys")

_FOUND: WeakKeyDictionary[View, dict[int | None, tuple[Finding, ...]]] = WeakKeyDictionary()


def findings_in(selection: Selection) -> tuple[Finding, ...]:
    """Return the findings in a selection, the worst first. The first time takes 1 to 4 ms."""
    found = _FOUND.setdefault(selection.view, {})
    if selection.row not in found:
        found[selection.row] = findings.explain(selection, clock)
    return found[selection.row]


def findings_about(selection: Selection) -> tuple[Finding, ...]:
    """Return the findings in a selection, and those that compare its row with others, the worst first.

    A row alone cannot be compared: so what is found in all rows together, and names it, is found here too.
    """
    own = findings_in(selection)
    if selection.row is None:
        return own
    names = {finding.name for finding in own}
    compared = [
        finding
        for finding in findings_in(selections.Selection(selection.view))
        if finding.kind in findings.COMPARING and finding.name not in names and _names(finding, selection)
    ]
    return tuple(sorted([*own, *compared], key=lambda finding: -finding.severity))


def _names(finding: Finding, selection: Selection) -> bool:
    """Return True if a finding is about connects of the selected row."""
    view = selection.view
    keys = view.grouping.merge(np.frombuffer(b"".join(finding.keys), all_keys.KEY))[0]
    return selection.row in match_rows(keys, view.keys, view.grouping.fields)
