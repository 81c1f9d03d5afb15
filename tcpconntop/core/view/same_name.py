"""Rows of a process or unit that is another one than at the baseline, but has the same name. Pure.

After a restart a program has another PID, and a unit another control group: by these alone its row would
be new, and its former row gone. A new row and a gone one are compared with each other if they have the same
name, and the same destination where rows have one, and no other new or gone row has it: of several, it is not
known which took the place of which.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tcpconntop.core.types import Rows
from tcpconntop.core.view.view import View
from tcpconntop.core.window.keys import PROCESS_FIELDS, hash_fields


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
    if not len(new) or not len(gone) or not _has_names(view):
        return row_of
    names, name_of = np.unique(
        np.concatenate([_names(view, new), _names(baseline, gone)]), return_inverse=True
    )
    is_new = np.arange(len(name_of)) < len(new)
    rows, is_alone = np.concatenate([new, gone]), np.ones(len(names), bool)
    for side in (is_new, ~is_new):
        is_alone &= np.bincount(name_of[side], minlength=len(names)) == 1
    paired = is_alone[name_of]
    by_name = rows[paired][
        np.argsort(name_of[paired], kind="stable")
    ]  # for each name, the new row and the gone
    completed: Rows = row_of.copy()
    completed[by_name[::2]] = by_name[1::2]
    return completed


def _has_names(view: View) -> bool:
    return view.grouping.has("tgid") or view.grouping.has("cgroup_id")


def _names(view: View, rows: Rows) -> npt.NDArray[Any]:
    """Return what rows of the same name have in common, shape (len(rows),)."""
    if view.grouping.has("tgid"):
        fields = tuple(name for name in view.grouping.fields if name not in PROCESS_FIELDS)
        return hash_fields(view.keys[rows], fields)
    groups = view.keys["cgroup_id"][rows].tolist()
    return np.array([view.snapshot.unit(group) or f"\0{group}" for group in groups], np.str_)
