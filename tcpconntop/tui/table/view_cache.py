"""Keeps the view of a screen and the view of its baseline until they change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpconntop.core.lazy import lazy
from tcpconntop.core.view.filter import Filter, KeyTerm
from tcpconntop.core.view.spec import ViewSpec

if TYPE_CHECKING:
    from tcpconntop.core.view import make_view as views
    from tcpconntop.core.view.view import View
    from tcpconntop.core.window.snapshot import Snapshot
else:
    views = lazy("tcpconntop.core.view.make_view")


class ViewCache:
    """The last view and the last view of a baseline."""

    def __init__(self) -> None:
        self._view: View | None = None
        self._baseline_key: tuple[Snapshot, str, str] | None = None
        self._baseline: View | None = None

    def get(self, snapshot: Snapshot, spec: ViewSpec, mark: Snapshot | None) -> View:
        """Return the view of a snapshot, the same object until something changes.

        Args:
            snapshot: the snapshot to show.
            spec: what to show of it.
            mark: the snapshot to compare with, if any.
        """
        baseline = self._baseline_view(mark, spec)
        view = self._view
        if view is None or (view.snapshot, view.spec, view.baseline) != (snapshot, spec, baseline):
            view = self._view = views.make_view(snapshot, spec, baseline, view)
        return view

    def _baseline_view(self, mark: Snapshot | None, spec: ViewSpec) -> View | None:
        """Return the view of the marked snapshot, filtered by keys alone: every row needs its baseline."""
        if mark is None:
            self._baseline_key = self._baseline = None
            return None
        terms = tuple(term for term in spec.where.terms if isinstance(term, KeyTerm))
        key = (mark, spec.group_by, spec.where.text)  # terms hold functions: only their text can be compared
        if self._baseline is None or self._baseline_key != key:
            where = Filter(spec.where.text, terms)
            self._baseline_key = key
            self._baseline = views.make_view(mark, ViewSpec(spec.group_by, "count", where=where))
        return self._baseline
