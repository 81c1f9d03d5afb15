"""The name of a row outside of the table, for panes and notes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpconntop.core.format import printable
from tcpconntop.core.view.columns import COLUMNS
from tcpconntop.core.view.groups import destination_text, process_text

if TYPE_CHECKING:
    from tcpconntop.core.view.view import View


def row_title(view: View, row: int) -> str:
    """Return the key of a row as text, such as `curl 4121 → 10.2.3.5:443`."""
    key, fields, places = view.located_key(row), view.grouping.fields, view.snapshot.places
    words = []
    if view.grouping.by_host and not key["special"]:
        words.append(printable(view.host(row)) or "no host")
    elif "netns" in fields and not key["special"]:
        words.append(f"netns {places.namespace(int(key['netns']))}")
    if "comm" in fields:
        words.append(f"{process_text(key)} {key['tgid'] or ''}".rstrip())
    if "daddr" in fields:
        address = destination_text(key, view.grouping, places)
        words.append(f"[{address}]" if "dport" in fields and ":" in address else address)
    title = " → ".join(words)
    if "dport" in fields and not key["special"] and (key["dport"] or view.snapshot.info.has_records):
        title += f":{key['dport']}" if words else f"port {key['dport']}"
    n_namespaces = int(view.namespace_count[row])
    if (
        n_namespaces > max(1, view.host_count(row))
        and {"daddr", "dport"} <= set(fields)
        and not key["special"]
    ):
        title += f" in {n_namespaces} network namespaces"
    return title or COLUMNS["unit"].text(view, row)
