"""A view as CSV (RFC 4180): the rows of the JSON document, flat; every grouping has the same header.

`comm` and `pid` are the processes of the row, the busiest first: `nginx, curl` and `41 7`. ` +3` after them
says how many more there are.

Fields that a row lacks are empty, as are unknown latencies. Names from outside cannot break a line (control
characters become `·`) and are not taken for a formula by a spreadsheet (`escape.csv_cell`).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

from tcpconntop.core.escape import csv_cell
from tcpconntop.core.view.key_fields import FIELDS
from tcpconntop.outputs.document import METRIC_COLUMNS

HEADER = ("other", *FIELDS, "namespaces", *(column.json_name for column in METRIC_COLUMNS))


def view_csv(document: Mapping[str, Any]) -> str:
    """Return the rows of a view as CSV, in order, from its JSON document (`view_document`)."""
    out = io.StringIO()
    writer = csv.DictWriter(out, HEADER, restval="", extrasaction="ignore")
    writer.writeheader()
    for row in document["rows"]:
        flat = _processes(row) | row | row["outcomes"]
        writer.writerow({name: csv_cell(value) for name, value in flat.items()})
    return out.getvalue()


def _processes(row: Mapping[str, Any]) -> dict[str, str]:
    """Return the names and the numbers of the processes of a row that is not of one process."""
    processes = row["processes"] or ()
    names = ", ".join(dict.fromkeys(process["comm"] for process in processes))
    pids = " ".join(dict.fromkeys(str(process["pid"]) for process in processes))
    more = f" +{row['more_processes']}" if row["more_processes"] else ""
    return {"comm": names + more, "pid": pids + more}
