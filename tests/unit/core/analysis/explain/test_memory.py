"""An explanation frees its arrays at once: they are large, and there is one each second."""

from __future__ import annotations

import gc

from explaining import findings
from records import connect

from tcpconntop.core.analysis.explain.evidence import Evidence
from tcpconntop.core.wire import Outcome


def evidence_alive() -> int:
    return sum(isinstance(object_, Evidence) for object_ in gc.get_objects())


def test_evidence_is_freed_without_the_garbage_collector():
    """GIVEN refused connects WHEN explained THEN no reference cycle keeps the evidence."""
    gc.collect()
    gc.disable()
    try:
        before = evidence_alive()
        assert "refused" in findings(connect(times=9, outcome=Outcome.REFUSED, error=111))
        assert evidence_alive() == before
    finally:
        gc.enable()
