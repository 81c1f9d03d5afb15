"""What shows the hosts that share a row. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tcpconntop.core.partial_keys import NO_ADDRESS, OTHER_ADDRESS
from tcpconntop.core.view.filter import parse_filter
from tcpconntop.core.view.groups import destination_text
from tcpconntop.core.view.ordering import grouped_by
from tcpconntop.core.view.spec import ViewSpec

if TYPE_CHECKING:
    from tcpconntop.core.view.view import View


def hosts_of_row(view: View, row: int, spec: ViewSpec) -> ViewSpec | None:
    """Return a spec that shows the hosts of a destination, port or subnet; None for other rows.

    Args:
        view: a view.
        row: one of its rows.
        spec: what to show of the hosts beside that; terms that name the row are added to its filter.
    """
    grouping, key = view.grouping, view.located_key(row)
    if not view.snapshot.places.hosts or grouping.by_host or key["special"]:
        return None
    terms = []
    if grouping.has("daddr") and key["scope_id"] in (NO_ADDRESS, OTHER_ADDRESS):
        return None
    if grouping.has("daddr"):
        terms.append(f"dest:{destination_text(key, grouping, view.snapshot.places)}")
    if grouping.has("dport"):
        terms.append(f"dport={key['dport']}")
    if not terms or grouping.has("tgid"):
        return None
    where = spec.where.narrowed(parse_filter(" ".join(terms)))
    return replace(grouped_by(spec, "host+dest" if grouping.has("daddr") else "host"), where=where)
