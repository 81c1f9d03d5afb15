"""What is in a row: processes of a destination, destinations of a process, hosts of a fleet. Pure."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tcpconntop.core.view.filter import Filter
from tcpconntop.core.view.groups import address_port_text, process_text, subrow_grouping
from tcpconntop.core.view.make_view import view_of_keys
from tcpconntop.core.view.ordering import grouped_by
from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.core.view.view import View


def subrows_of_row(view: View, row: int) -> View | None:
    """Return the subrows of a row, in the order of its view; None where there are none, as in `other`."""
    name = subrow_grouping(view.grouping, bool(view.snapshot.places.hosts))
    if not name or view.keys[row]["special"]:
        return None
    spec = replace(grouped_by(view.spec, name), where=Filter())
    base = None if view.baseline is None else _subrows_before(view.baseline, view.former_row(row), name)
    return view_of_keys(view.snapshot, spec, view.keys_of_row(row), base)


def _subrows_before(baseline: View, row: int | None, name: str) -> View:
    """Return the subrows that a row of the baseline had; none where there is no such row."""
    keys = np.empty(0, np.int64) if row is None else baseline.keys_of_row(row)
    return view_of_keys(baseline.snapshot, ViewSpec(name, "count"), keys)


def subrow_text(subrows: View, row: int) -> str:
    """Return the name of a subrow: `nginx · pid 1204`, `10.2.3.4:443` or the name of a host.

    Processes of several network namespaces have the name of theirs, too: `nginx · pid 1204 · web-3`.
    """
    key = subrows.located_key(row)
    if subrows.grouping.name == "process":
        text = f"{process_text(key)} · pid {key['tgid']}"
        if len(np.unique(subrows.busiest_keys["netns"])) == 1:
            return text
        return f"{text} · {subrows.snapshot.places.namespace(int(key['netns']))}"
    if subrows.grouping.name == "host":
        return subrows.host(row) or "-"
    return address_port_text(key, subrows.snapshot.places)
