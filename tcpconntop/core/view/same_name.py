"""Rows of a process or unit that is another one than at the baseline, but has the same name. Pure.

After a restart a program has another PID, and a unit another control group: by these alone its row would
be new, and its former row gone. A new row and a gone one are compared with each other if they have the same
name, and for processes the same unit and network namespace, the same destination where rows have one, and a
later start. And only if no other new or gone row is like them: of several, it is not known which took the
place of which.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from tcpconntop.core.types import Mask, Rows
from tcpconntop.core.view.view import View
from tcpconntop.core.window.keys import PROCESS_FIELDS, hash_fields

_ALIKE = np.dtype([("fields", "u8"), ("unit", "u8"), ("netns", "u4")])


def match_same_name(view: View, baseline: View, row_of: Rows) -> Rows:
    """Return the baseline row of each row, or -1, shape (n,): those of `row_of`, and those of the same name.

    Args:
        view: the rows now.
        baseline: the rows of the baseline, of the same grouping.
        row_of: the baseline row of each row that is the same one there, or -1, shape (n,).
    """
    is_gone = baseline.keys["special"] == 0
    is_gone[row_of[row_of >= 0]] = False
    new, gone = np.flatnonzero((row_of < 0) & (view.keys["special"] == 0)), np.flatnonzero(is_gone)
    has_names = view.grouping.has("tgid") or view.grouping.has("cgroup_id")
    if not len(new) or not len(gone) or not has_names:
        return row_of
    names = _alike([(view, new), (baseline, gone)])
    known, name_of = np.unique(names, return_inverse=True)
    name_of_new, name_of_gone = name_of[: len(new)], name_of[len(new) :]
    is_alone = np.ones(len(known), bool)
    for side in (name_of_new, name_of_gone):
        is_alone &= np.bincount(side, minlength=len(known)) == 1
    gone_of_name = np.full(len(known), -1)
    gone_of_name[name_of_gone] = gone
    before = gone_of_name[name_of_new]
    paired = is_alone[name_of_new] & _began_later(view, new, baseline, before)
    completed: Rows = row_of.copy()
    completed[new[paired]] = before[paired]
    return completed


def _alike(sides: Iterable[tuple[View, Rows]]) -> npt.NDArray[np.void]:
    """Return what two rows that are alike have in common, of the rows of both sides one after the other."""
    number_of_unit: dict[str, int] = {}
    parts = []
    for view, rows in sides:
        part, busiest = np.zeros(len(rows), _ALIKE), view.busiest_keys[rows]
        groups, group_of = np.unique(busiest["cgroup_id"], return_inverse=True)
        is_of_unit = not view.grouping.has("tgid")
        numbers = [
            number_of_unit.setdefault(
                view.snapshot.unit(group) or f"\0{group * is_of_unit}", len(number_of_unit)
            )
            for group in groups.tolist()
        ]
        part["unit"] = np.array(numbers, np.uint64)[group_of]
        if not is_of_unit:
            fields = tuple(name for name in view.grouping.fields if name not in PROCESS_FIELDS)
            part["fields"] = hash_fields(view.keys[rows], fields)
            part["netns"] = busiest["netns"]
        parts.append(part)
    return np.concatenate(parts)


def _began_later(view: View, rows: Rows, baseline: View, before: Rows) -> Mask:
    """True where the process of a row began after that of the baseline, or may have: units, unknown times."""
    starts, former = view.keys["process_start_ns"][rows], baseline.keys["process_start_ns"][before]
    later: Mask = (starts > former) | (starts == 0) | (former == 0)
    return later
