"""`check`: a line per assertion, or a document with all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tcpconntop.core.view.assertions import AssertionResult
from tcpconntop.core.view.view import View
from tcpconntop.outputs.document import view_document


def result_line(verdict: AssertionResult, lost: int) -> str:
    """Spell a verdict: `ok p99<5ms: 1.2ms (n=812)`."""
    word = "ok" if verdict.holds else "failed"
    missing = f", {lost} lost" if lost else ""
    return f"{word} {verdict.text}: {verdict.reason} (n={verdict.count}{missing})"


def check_document(view: View, verdicts: Sequence[AssertionResult]) -> dict[str, Any]:
    """Describe what was seen, and what holds of it."""
    assertions = [
        {"expr": verdict.text, "holds": verdict.holds, "value": verdict.value, "reason": verdict.reason}
        for verdict in verdicts
    ]
    return {**view_document(view), "assertions": assertions}
