"""What Explain finds in a selection, for all who show it: it is looked for once."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from tcpconntop.core.clock import clock
from tcpconntop.core.lazy import lazy

if TYPE_CHECKING:
    from tcpconntop.core.analysis import explain as findings
    from tcpconntop.core.analysis.explain import Finding
    from tcpconntop.core.analysis.selection import Selection
else:
    findings = lazy("tcpconntop.core.analysis.explain")

_FOUND: WeakKeyDictionary[Selection, tuple[Finding, ...]] = WeakKeyDictionary()


def findings_in(selection: Selection) -> tuple[Finding, ...]:
    """Return the findings in a selection, the worst first. The first time takes 1 to 4 ms."""
    found = _FOUND.get(selection)
    if found is None:
        found = _FOUND[selection] = findings.explain(selection, clock)
    return found
