"""Names of socket errors, and the outcome that each stands for."""

from __future__ import annotations

import errno as e

from tcpconntop.core.thresholds import UNREACHABLE_ERRNOS
from tcpconntop.core.wire import Outcome

_OUTCOMES = {0: Outcome.CANCELLED, e.ECONNREFUSED: Outcome.REFUSED, e.ETIMEDOUT: Outcome.TIMEOUT}


def errno_name(number: int) -> str | None:
    """Return the name of an errno (`ECONNREFUSED`); None for 0, the number as text if it has no name."""
    return e.errorcode.get(number, str(number)) if number else None


def outcome_of_errno(number: int) -> Outcome:
    """Return the outcome of an attempt whose socket has this error; 0 is a socket without an error.

    `outcome_of_error` in bpf/sock.h decides the same way; a test compares the two.
    """
    if number in UNREACHABLE_ERRNOS:
        return Outcome.UNREACHABLE
    return _OUTCOMES.get(number, Outcome.ERROR)
