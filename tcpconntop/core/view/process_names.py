"""The names of the processes that share a row: `nginx ×8`, `invoices, orders`, `checkout +3`. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import TYPE_CHECKING

from tcpconntop.core.cells import cell_width, fit
from tcpconntop.core.lazy import lazy, np
from tcpconntop.core.view.groups import process_name, process_text

if TYPE_CHECKING:
    import numpy.typing as npt

    from tcpconntop.core.types import Rows
    from tcpconntop.core.view.view import View
    from tcpconntop.core.window import stats as st
else:
    st = lazy("tcpconntop.core.window.stats")

MAX_CELLS = 24
"""Cells up to which names are listed where nothing else limits them; further ones are counted."""

ANOTHER = "↻"
"""Behind the name of a process or unit: it is compared with another one of that name, as after a restart."""

Names = Sequence[tuple[str, int]]
"""Names, and how many processes have each."""


def names_of_row(view: View, row: int) -> Names:
    """Return the names of the processes of a row, the busiest first.

    Those with at least half as many connects as the busiest, as far as their number can tell, are in the
    order of the alphabet, and so are the others: the first name does not change with every connect.
    """
    former = view.former_row(row)
    if view.is_gone(row) and view.baseline is not None:
        return names_of_row(view.baseline, former) if former is not None else ()
    if view.process_count[row] <= 1 or view.keys[row]["special"]:
        return ((process_text(view.busiest_key(row)), 1),)
    keys, stats = view.snapshot.window.keys, view.snapshot.window.stats
    members = view.keys_of_row(row)
    return _names(keys["comm"][members], keys["tgid"][members], st.attempt_counts(stats[members]))


def _names(comms: npt.NDArray[np.bytes_], pids: npt.NDArray[np.uint32], attempts: Rows) -> Names:
    """Return the names of some keys by their connects; all are of shape (n,)."""
    found, name_of = np.unique(comms, return_inverse=True)
    counts = np.bincount(name_of, attempts, len(found)).tolist()
    most = max(counts)
    names = []
    for n, comm in enumerate(found):
        is_minor = 2 * (counts[n] + 2 * sqrt(most)) < most  # two standard deviations of a count
        names.append((is_minor, process_name(bytes(comm)), len(set(pids[name_of == n].tolist()))))
    return [(text, n_processes) for _, text, n_processes in sorted(names)]


def names_text(names: Names, width: int = MAX_CELLS) -> str:
    """Format names in at most `width` cells: as many as fit, and how many others there are (`+3`).

    A single one may be longer: only its reader knows what to cut.
    """
    words = [f"{name} ×{n_processes}" if n_processes > 1 else name for name, n_processes in names]
    for n_shown in range(len(words), 0, -1):
        more = f" +{len(words) - n_shown}" if n_shown < len(words) else ""
        text = ", ".join(words[:n_shown]) + more
        if cell_width(text) <= width or len(words) == 1:
            return text
    if not words:
        return "-"
    more, name = f" +{len(words) - 1}", names[0][0]
    room = max(width - len(more), 2)
    return f"{name if cell_width(name) <= room else fit(name, room - 1) + '…'}{more}"
