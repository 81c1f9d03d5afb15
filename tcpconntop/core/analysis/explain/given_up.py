"""How long applications waited before they gave up connects."""

from __future__ import annotations

import numpy as np

from tcpconntop.core.analysis.explain.evidence import Evidence
from tcpconntop.core.format import duration
from tcpconntop.core.types import Rows
from tcpconntop.core.wire import Outcome

AGE_SPREAD = 1.04
"""Ages are equal when the oldest is at most this many times the youngest: ± 2%."""

MIN_GIVEN_UP = 4
"""Given up connects of equal age that are no coincidence."""


def waited_text(evidence: Evidence, keys: Rows) -> str:
    """Return after what time the connects of some keys were given up, as `given up after 3.00s`.

    It is empty where they had not the same age.
    """
    left = evidence.match_keys(evidence.recent.where(evidence.recent.outcome == Outcome.CANCELLED))
    ages_us = np.sort(left.anatomy.latency[np.isin(left.key_index, keys)])
    if len(ages_us) < MIN_GIVEN_UP or ages_us[-1] > AGE_SPREAD * ages_us[0]:
        return ""
    return f"given up after {duration(float(np.median(ages_us)))}"
