"""A view as CSV (RFC 4180): the rows of the JSON document, flat; every grouping has the same header.

Fields that a row lacks are empty, as are unknown latencies. Names from outside cannot break a line (control
characters become `·`) and are not taken for a formula by a spreadsheet (`escape.csv_cell`).
"""

from __future__ import annotations

import csv
import io

from tcpconntop.core.escape import csv_cell
from tcpconntop.core.view.key_fields import FIELDS
from tcpconntop.core.view.view import View
from tcpconntop.outputs.document import METRIC_COLUMNS, view_document

HEADER = ("other", *FIELDS, "namespaces", *(column.json_name for column in METRIC_COLUMNS))


def view_csv(view: View) -> str:
    """Return the rows of a view as CSV, in order."""
    out = io.StringIO()
    writer = csv.DictWriter(out, HEADER, restval="", extrasaction="ignore")
    writer.writeheader()
    for row in view_document(view)["rows"]:
        flat = row | row["outcomes"]
        writer.writerow({name: csv_cell(value) for name, value in flat.items()})
    return out.getvalue()
