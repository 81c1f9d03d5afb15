"""The labels of a series: what its connects have in common. Never a process or a local port."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tcpconntop.core.format import printable
from tcpconntop.core.places import Names
from tcpconntop.core.types import Rows
from tcpconntop.core.view.groups import GROUPINGS, Grouping, destination_text
from tcpconntop.core.window.keys import keys_from_events
from tcpconntop.core.wire import Events

Labels = tuple[str, ...]
"""The values of the labels of a series, in the order of `Labelling.names`."""

OTHER = "other"
"""The value of the first label of the series that has what no other series has."""

_MAX_CACHED = 65_536


@dataclass(frozen=True)
class Labelling:
    """How connects are divided into series.

    Attributes:
        names: the names of the labels.
        grouping: the grouping whose keys differ where a label does.
        values: returns the values of the labels for a key.
        may_change: True if a later key can have other labels although it is equal: a name that became known.
    """

    names: tuple[str, ...]
    grouping: Grouping
    values: Callable[[np.void, Names], Labels]
    may_change: bool = False

    @property
    def other(self) -> Labels:
        """The labels of the series `other`."""
        return (OTHER, *("" for _ in self.names[1:]))


def _dest(key: np.void, names: Names) -> Labels:
    return (destination_text(key, GROUPINGS["dest"], names.places), str(key["dport"]), str(key["family"]))


def _subnet(key: np.void, names: Names) -> Labels:
    return (destination_text(key, GROUPINGS["subnet"], names.places), str(key["family"]))


def _port(key: np.void, _: Names) -> Labels:
    return (str(key["dport"]),)


def _unit(key: np.void, names: Names) -> Labels:
    return (printable(names.units.get(int(key["cgroup_id"])) or ""),)


LABELLINGS = {
    # With network namespaces: the name of a link-local address's interface is looked up in one.
    "dest": Labelling(("destination", "port", "family"), GROUPINGS["netns+dest"], _dest),
    "port": Labelling(("port",), GROUPINGS["port"], _port),
    "subnet": Labelling(("subnet", "family"), GROUPINGS["subnet"], _subnet),
    "unit": Labelling(("unit",), GROUPINGS["unit"], _unit, may_change=True),
}
"""The labellings by their name for `--by`."""


class Labeller:
    """Finds the labels of records.

    Labels are texts: formatting an address takes 3 µs, and looking one up in the cache 0.3 µs.
    """

    def __init__(self, labelling: Labelling) -> None:
        self._labelling = labelling
        self._cache: dict[bytes, Labels] = {}

    def labels_of(self, events: Events, names: Names) -> tuple[list[Labels], Rows]:
        """Return the labels of each group of records, and the group of each record, shape (n,).

        Two groups may have the same labels.
        """
        keys, groups = self._labelling.grouping.merge(keys_from_events(events))
        raw, size = keys.tobytes(), keys.itemsize
        labels = []
        for index in range(len(keys)):
            code = raw[index * size : (index + 1) * size]
            values = self._cache.get(code)
            if values is None:
                key = keys[index]
                values = self._labelling.values(key, names)
                if not (self._labelling.may_change or key["scope_id"]):
                    if len(self._cache) >= _MAX_CACHED:
                        self._cache.clear()
                    self._cache[code] = values
            labels.append(values)
        return labels, groups
