"""Makes the view of a board, and the one of the mark that it is compared with, no more often than needed."""

from __future__ import annotations

from tcpconntop.core.view.filter import Filter, KeyTerm
from tcpconntop.core.view.make_view import make_view
from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.core.view.view import View
from tcpconntop.core.window.snapshot import Snapshot


class ViewCache:
    """The last view that was made, and what it was made of."""

    def __init__(self) -> None:
        self._view: View | None = None
        self._mark: tuple[Snapshot, str, str] | None = None
        self._baseline: View | None = None

    def get(self, snapshot: Snapshot, spec: ViewSpec, mark: Snapshot | None) -> View:
        """Give the view of a snapshot: the same object while nothing has changed."""
        baseline = self._of_mark(mark, spec)
        view = self._view
        if view is None or (view.snapshot, view.spec, view.baseline) != (snapshot, spec, baseline):
            view = self._view = make_view(snapshot, spec, baseline, view)
        return view

    def _of_mark(self, mark: Snapshot | None, spec: ViewSpec) -> View | None:
        """Give the view of a mark: all rows that there were, whatever figures the filter asks for now."""
        if mark is None:
            self._mark = self._baseline = None
            return None
        terms = tuple(term for term in spec.where.terms if isinstance(term, KeyTerm))
        wanted = (mark, spec.group_by, spec.where.text)  # terms are functions: only their text compares
        if self._baseline is None or self._mark != wanted:
            where = Filter(spec.where.text, terms)
            self._mark, self._baseline = wanted, make_view(mark, ViewSpec(spec.group_by, where=where))
        return self._baseline
