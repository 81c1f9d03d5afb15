"""The output of `check`: one line per assertion, or one JSON document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tcpconntop.core.format import printable
from tcpconntop.core.view.assertions import AssertionResult
from tcpconntop.core.view.view import View
from tcpconntop.outputs.document import view_document


def result_line(result: AssertionResult, lost: int) -> str:
    """Format a result: `ok p99<5ms: 1.2ms (n=812)`, or `unknown …` if missing connects could turn it."""
    missing = f", {lost} lost" if lost else ""
    return f"{result.verdict} {printable(result.text)}: {result.reason} (n={result.count}{missing})"


def check_document(view: View, results: Sequence[AssertionResult]) -> dict[str, Any]:
    """Return the view with the result of each assertion as a document."""
    assertions = [
        {
            "expr": result.text,
            "verdict": result.verdict,
            "holds": result.holds,
            "value": result.value,
            "reason": result.reason,
        }
        for result in results
    ]
    return {**view_document(view), "assertions": assertions}
