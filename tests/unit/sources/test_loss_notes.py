"""Notes on connects that were not followed."""

from __future__ import annotations

from tcpconntop.core.clock import clock_with_zone
from tcpconntop.kernel.session import Counters
from tcpconntop.sources.losses import LossNotes


def counters(missed: tuple[int, ...] = (0,) * 6, full: int = 0, unplaced: int = 0) -> Counters:
    return Counters(9, (0,) * 6, 0, 0, full, 0, 0, missed, unplaced)


def test_nothing_is_said_where_nothing_is_missing() -> None:
    losses = LossNotes(5)
    assert losses.notes == ()
    losses.update(counters(), 0)
    assert losses.notes == ()


def test_a_full_map_is_said_with_the_time_of_its_first_attempt() -> None:
    losses = LossNotes(65_536)
    losses.update(counters(), 900)
    losses.update(counters(full=3), 1_000)
    losses.update(counters((0, 1_007, 0, 0, 3, 0), full=2_000), 1_001)
    since = clock_with_zone(1_000)
    assert losses.notes == (
        f"since {since}, 2,000 connects are in no row, because 65,536 others were in flight (see "
        "--max-in-flight); of them ended: refused 1,007, cancelled 3",
    )


def test_namespaces_without_a_slot_are_said() -> None:
    losses = LossNotes(5)
    losses.update(counters(unplaced=15), 0)
    assert losses.notes == (
        "15 connects are not compared with the kernel's count: too many network namespaces at once",
    )
