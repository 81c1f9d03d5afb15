"""What the figures of a view are of, in words. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpconntop.core.format import printable

if TYPE_CHECKING:
    from tcpconntop.core.view.view import View
    from tcpconntop.core.window.snapshot import Snapshot


def scope_text(filters: str, where: str) -> str:
    """Return which connects are counted, such as `-P 443, comm=curl`; empty if that is all.

    Args:
        filters: the filters of the source (`SourceInfo.filters`).
        where: text of the filter of the view.
    """
    return printable(", ".join(part for part in (filters, where) if part))


def no_connect_text(view: View) -> str:
    """Return that no connect ended in the window of a view, and which filters are on."""
    scope = scope_text(view.snapshot.info.filters, view.spec.where.text)
    return (
        f"no connect that matches {scope} ended in this window"
        if scope
        else "no connect ended in this window"
    )


def next_one_text(snapshot: Snapshot | None, verb: str = "listed") -> str:
    """Return that the next connect will be seen here; empty for a recording, which may have no more."""
    is_played = snapshot is not None and snapshot.playback is not None
    return "" if is_played else f": the next one will be {verb} here"


def no_row_text(view: View, where: str, scope: str = "") -> str:
    """Return why a view has no row, and what the user can do.

    Args:
        view: the view.
        where: text of the filter that the user can clear.
        scope: text of the filter of the command line.
    """
    filters = scope_text(view.snapshot.info.filters, scope)
    if where:
        also = f", of those that match {filters}" if filters else ""
        return f"nothing matches the filter {printable(where)}{also}: esc clears it"
    if view.snapshot.ledger.ended:
        return f"{no_connect_text(view)}{next_one_text(view.snapshot)}"
    matching = f" that matches {filters}" if filters else ""
    return (
        f"no connect{matching} yet: {_listed_text(view.snapshot.info.probe)};"
        " connections that are open already are not"
    )


def _listed_text(probe: str) -> str:
    """Return which connects a probe set lists: tracepoints alone see none that fails before its first SYN."""
    if probe in ("fentry", "kprobe"):
        return "each outgoing TCP connect is listed here when it succeeds or fails"
    if probe == "tracepoint":
        return (
            "each outgoing TCP connect that sends a SYN is listed here when it succeeds or fails (with "
            "tracepoints alone, one that fails before, without a route for example, is not seen)"
        )
    return "outgoing TCP connects are listed here when they succeed or fail"
