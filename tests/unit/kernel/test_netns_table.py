"""The counts of network namespaces, as read from the mapped table."""

from __future__ import annotations

import numpy as np

from tcpconntop.core.wire import NETNS_COUNTERS, NETNS_ONLY, NETNS_SLOTS
from tcpconntop.kernel.netns_table import NamespaceCounts, read_namespaces


def table(**slots: dict[str, int]) -> np.ndarray:
    """Return a table; each slot is given as `_INDEX={field: value}`."""
    counters = np.zeros(NETNS_SLOTS, NETNS_COUNTERS)
    for index, fields in slots.items():
        for name, value in fields.items():
            counters[int(index[1:])][name] = value
    return counters


def test_two_slots_of_a_namespace_are_added() -> None:
    counters = table(
        _7={
            "netns": 70,
            "attempts": 9,
            "unsent": 2,
            "lost": 1,
            "generation": 1,
            "tgid": 5,
            "reference_ns": 50,
        },
        _4095={"netns": 70, "attempts": 3, "lost": 1, "generation": 4, "tgid": 6, "reference_ns": 60},
        _8={"netns": 71, "attempts": 1, "generation": 1},
        _9={"attempts": 5, "generation": 1},
    )
    assert read_namespaces(counters) == {
        70: NamespaceCounts(((7, 1), (4095, 4)), 10, 2, 6, 60),
        71: NamespaceCounts(((8, 1),), 1, 0, 0, 0),
    }


def test_a_kernel_without_namespaces_has_number_0() -> None:
    assert list(read_namespaces(table(_1={"netns": NETNS_ONLY, "attempts": 2}))) == [0]


def test_slots_that_were_not_used_since_are_left_out() -> None:
    counters = table(_1={"netns": 70, "used_ns": 100}, _2={"netns": 71, "used_ns": 200})
    assert list(read_namespaces(counters, 101)) == [71]
    assert list(read_namespaces(counters, 200)) == [71]
    assert read_namespaces(counters, 201) == {}
