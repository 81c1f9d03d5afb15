"""From when to when the connects that a finding counts ended, where that says something.

Trouble that is spread over the window and goes on needs no times. So they are said where chance does not
explain that the window begins or ends without it: where it began within the window, or is over.
"""

from __future__ import annotations

import math

from tcpconntop.core.analysis.explain.counted import Between, Counted, Span
from tcpconntop.core.analysis.explain.evidence import Evidence
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.view.noise import FALSE_ALARMS

MIN_GAP_S, MIN_GAP_SHARE = 3.0, 0.05
"""A time without trouble that is shorter, or a smaller share of the window, says nothing."""

_STEPS_S = (3600, 600, 60, 10, 1)
"""To what a time is rounded that is known to a slice only, in seconds: the longest that fits in it."""


def when_text(evidence: Evidence, counted: Counted, subject: str = "", *, last_only: bool = False) -> str:
    """Return when connects ended, as `all 25 ended between 12:36:10 and 12:37:05`, or an empty text.

    Args:
        evidence: what the finding is found in.
        counted: the connects.
        subject: what to say instead of `all 25`, or of `it` where there is one.
        last_only: True if the finding says since when.
    """
    span = counted.span(evidence) if counted.n else None
    if span is None:
        return ""
    subject = subject or ("it" if counted.n == 1 else f"all {counted.n:,}")
    text = _span_text(evidence, counted.n, span, subject, last_only=last_only)
    return text if text and counted.is_complete(evidence) else ""


def _span_text(evidence: Evidence, n: int, span: Span, subject: str, *, last_only: bool) -> str:
    (at_last, last), now_ns = _time_text(evidence, span.last), evidence.snapshot.now_ns
    window_ns = max(now_ns - evidence.began_ns, 1)
    after_ns = now_ns - span.last.end_ns
    is_over = _is_no_chance(n, after_ns, window_ns, window_ns)
    if span.first is None or last_only:
        return f"the last ended {at_last} {last}" if is_over else ""
    at_first, first = _time_text(evidence, span.first)
    if n == 1:
        return f"{subject} ended {at_first} {first}"
    before_ns = span.first.begin_ns - evidence.began_ns
    began = _is_no_chance(n, before_ns, window_ns, window_ns)
    if began:  # then all others are at random times since the first one
        is_over |= _is_no_chance(n - 1, after_ns, window_ns - before_ns, window_ns)
    elif is_over:
        began = _is_no_chance(n - 1, before_ns, window_ns - after_ns, window_ns)
    else:
        began = is_over = _is_no_chance_together(n, before_ns, after_ns, window_ns)
    if (began or is_over) and first == last:
        return f"{subject} ended {at_first} {first}"
    about = "about " if "about" in (at_first, at_last) else ""
    if began and is_over:
        return f"{subject} ended between {about}{first} and {last}"
    if began:
        return f"{subject} ended since {about}{first}, the last {at_last} {last}"
    return f"the last ended {at_last} {last}" if is_over else ""


def _is_no_chance(n: int, gap_ns: int, of_ns: int, window_ns: int) -> bool:
    """Return True if `n` connects at random times in `of_ns` hardly ever leave such a gap at one end."""
    if not _is_notable(gap_ns, window_ns):
        return False
    return gap_ns >= of_ns or n * math.log1p(-gap_ns / of_ns) < math.log(FALSE_ALARMS)


def _is_no_chance_together(n: int, before_ns: int, after_ns: int, window_ns: int) -> bool:
    """Return True if `n` connects at random times hardly ever leave two such gaps at begin and end."""
    if not (_is_notable(before_ns, window_ns) and _is_notable(after_ns, window_ns)):
        return False
    share = max(1 - (before_ns + after_ns) / window_ns, 0.0)
    return n * share ** (n - 1) - (n - 1) * share**n < FALSE_ALARMS


def _is_notable(gap_ns: int, window_ns: int) -> bool:
    return gap_ns >= max(MIN_GAP_S * SECOND_NS, MIN_GAP_SHARE * window_ns)


def _time_text(evidence: Evidence, time: Between) -> tuple[str, str]:
    """Return a time of day after `at` or, where it is known to its slice only, after `about`."""
    first, last = evidence.time_of_day(time.begin_ns), evidence.time_of_day(time.end_ns)
    if first == last:
        return "at", first
    seconds = (time.end_ns - time.begin_ns + 1) // SECOND_NS
    step_ns = next(step for step in _STEPS_S if step <= seconds or step == 1) * SECOND_NS
    middle_ns = (time.begin_ns + time.end_ns) // 2 + evidence.snapshot.wall_offset_ns
    return "about", evidence.clock(round(middle_ns / step_ns) * step_ns / SECOND_NS)
