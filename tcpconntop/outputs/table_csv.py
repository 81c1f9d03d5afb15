"""A view as CSV (RFC 4180): the rows of the JSON document, flat, under a header that never changes.

Fields that the grouping does not tell apart are empty, as is a latency that is not known. Names from outside
cannot break a line (control characters become `·`), nor be taken for a formula by a spreadsheet: one that
begins with `=`, `+`, `-` or `@` has an apostrophe before it.
"""

from __future__ import annotations

import csv
import io
from typing import Any

from tcpconntop.core.format import printable
from tcpconntop.core.view.view import View
from tcpconntop.core.wire import Outcome
from tcpconntop.outputs.document import view_document

HEADER = (
    "other", "pid", "comm", "daddr", "family", "dport", "unit", "count", "rate_hz", "ok", "failed",
    *(outcome.label for outcome in Outcome if outcome is not Outcome.OK), "syn_retransmits",
    "min_us", "p50_us", "p90_us", "p99_us", "max_us", "mean_us", "last_us",
)  # fmt: skip

_FORMULA = ("=", "+", "-", "@")


def view_csv(view: View) -> str:
    """Spell the rows of a view as CSV, in their order."""
    out = io.StringIO()
    writer = csv.DictWriter(out, HEADER, restval="", extrasaction="ignore")
    writer.writeheader()
    for row in view_document(view)["rows"]:
        flat = row | row["outcomes"]
        writer.writerow({name: _cell(value) for name, value in flat.items()})
    return out.getvalue()


def _cell(value: Any) -> Any:
    if not isinstance(value, str):
        return int(value) if isinstance(value, bool) else value
    text = printable(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
