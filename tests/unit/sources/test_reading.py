"""Connects that had not sent their SYN at the first reading of a namespace are no gap in what was seen."""

from __future__ import annotations

from tcpconntop.kernel.netns_table import NamespaceCounts
from tcpconntop.kernel.session import Counters
from tcpconntop.sources.reading import Base, Tables


def tables(sent: int, in_flight: int, *, begun: int = 0) -> Tables:
    """Counts of a namespace, with attempts in flight anywhere; `begun` more begin there while it is read."""
    ended = 10_000
    before, after = (
        (
            NamespaceCounts(((1, 1),), sent + more, 0, 7, 1),
            Counters(ended + in_flight + more, (ended,), 0, 0, 0, 0, 0),
        )
        for more in (0, begun)
    )
    return Tables(before[1], before[0], after[0], after[1])


def test_what_was_pending_is_not_unseen() -> None:
    """GIVEN three attempts without a SYN WHEN all have ended THEN a further gap is known exactly."""
    base = Base.begin(100, tables(5, 3))
    assert base.growth(102, tables(5, 3))[:2] == (2, 0)  # two of them have sent it
    assert base.growth(102, tables(5, 1))[:2] == (2, 0)
    assert base.growth(103, tables(5, 0))[:2] == (3, 0)
    assert base.growth(110, tables(5 + 6, 0))[:2] == (10, 1)


def test_what_was_pending_and_never_sent_a_syn_is_not_unseen() -> None:
    base = Base.begin(100, tables(5, 3))
    assert base.growth(100, tables(5 - 3, 0))[:2] == (0, 0)
    assert base.growth(104, tables(5 - 3 + 4, 0))[:2] == (4, 0)


def test_what_was_in_flight_with_a_syn_does_not_hide_a_gap() -> None:
    """GIVEN attempts that had sent their SYN WHEN they have ended THEN all that is unseen is known."""
    base = Base.begin(100, tables(5, 3))
    assert base.growth(100, tables(5, 0))[:2] == (0, 0)
    assert base.growth(102, tables(5, 0))[:2] == (2, 2)


def test_no_more_was_pending_than_the_namespace_had() -> None:
    """GIVEN many attempts in flight elsewhere WHEN the namespace had none THEN each gap is known."""
    assert Base.begin(0, tables(0, 1_000)).growth(20, tables(15, 1_000))[:2] == (20, 5)
    assert Base.begin(0, tables(2, 1_000)).growth(20, tables(2 + 15, 1_000))[:2] == (20, 3)


def test_what_begins_while_the_base_is_read_is_not_unseen() -> None:
    """GIVEN one pending, and four that began and were counted meanwhile WHEN it sends its SYN THEN no gap."""
    base = Base.begin(104, tables(5, 1, begun=4))
    assert base.growth(104, tables(5 + 4, 1))[1] == 0
    assert base.growth(105, tables(5 + 4, 0))[:2] == (1, 0)
