"""Sizes that follow what is shown without jumping at each refresh. Pure."""

from __future__ import annotations

HOLD = 20
"""For how many refreshes a size is kept after it was last needed."""


class SteadySize:
    """A size that grows at once, and shrinks when less was enough for `HOLD` refreshes or in another view."""

    def __init__(self) -> None:
        self._size = self._most_since = self._age = 0
        self._view: object = None

    def fit(self, needed: int, view: object = None) -> int:
        """Return the size to have now.

        Args:
            needed: what is needed now.
            view: of which view; another one begins anew.
        """
        if needed >= self._size or view != self._view:
            self._size, self._most_since, self._age = needed, 0, 0
        else:
            self._most_since, self._age = max(self._most_since, needed), self._age + 1
            if self._age >= HOLD:
                self._size, self._most_since, self._age = self._most_since, 0, 0
        self._view = view
        return self._size
