"""From when to when the connects that a finding counts ended, where that says something.

Trouble that is spread over the window and goes on needs no times. So they are said where chance does not
explain that the window begins or ends without it (where it began within the window, or is over), or that
most of it is so close together.
"""

from __future__ import annotations

import math

from tcpconntop.core.analysis.explain.counted import Between, Counted, Span
from tcpconntop.core.analysis.explain.evidence import Evidence
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.view.noise import FALSE_ALARMS, binomial_cdf

MIN_GAP_S, MIN_GAP_SHARE = 3.0, 0.05
"""A time without trouble that is shorter, or a smaller share of the window, says nothing."""

MIN_DENSE, MAX_DENSE_SHARE = 5, 0.5
"""Of fewer connects, or where the time of most is a greater share of the time of all, it says little."""

_STEPS_S = (3600, 600, 60, 10, 1)
"""To what a time is rounded that is known to a slice only, in seconds: the longest that fits in it."""


def when_text(
    evidence: Evidence, counted: Counted, subject: str = "", *, last_only: bool = False, most: bool = True
) -> str:
    """Return when connects ended, as `all 25 ended between 12:36:10 and 12:37:05`, or an empty text.

    Args:
        evidence: what the finding is found in.
        counted: the connects.
        subject: what to say instead of `all 25`, or of `it` where there is one.
        last_only: True if the finding says since when.
        most: whether it may be said of most of them (`20 of 25`), where others ended at other times.
    """
    span = counted.span(evidence) if counted.n else None
    if span is None:
        return ""
    subject = subject or ("it" if counted.n == 1 else f"all {counted.n:,}")
    began, is_over = _ends_of_trouble(evidence, counted.n, span)
    if last_only or span.first is None or not (began and is_over):
        text = _most_text(evidence, counted, span) if most and not last_only else ""
        began &= not last_only
        return text or _one_end_text(evidence, counted, span, subject, began=began, is_over=is_over)
    return _between_text(evidence, span.first, span.last, subject) if counted.is_complete(evidence) else ""


def _ends_of_trouble(evidence: Evidence, n: int, span: Span) -> tuple[bool, bool]:
    """Return whether trouble began within the window, and whether it is over; a single connect is both."""
    now_ns, began_ns = evidence.snapshot.now_ns, evidence.began_ns
    window_ns, after_ns = max(now_ns - began_ns, 1), now_ns - span.last.end_ns
    is_over = _is_no_chance(n, after_ns, window_ns, window_ns)
    if span.first is None:
        return False, is_over
    before_ns = span.first.begin_ns - began_ns
    began = _is_no_chance(n, before_ns, window_ns, window_ns)
    if n == 1:
        return True, True
    if began:  # then all others are at random times since the first one
        return True, is_over or _is_no_chance(n - 1, after_ns, window_ns - before_ns, window_ns)
    if is_over:
        return _is_no_chance(n - 1, before_ns, window_ns - after_ns, window_ns), True
    together = _is_no_chance_together(n, before_ns, after_ns, window_ns)
    return together, together


def _one_end_text(
    evidence: Evidence, counted: Counted, span: Span, subject: str, *, began: bool, is_over: bool
) -> str:
    """Return since when connects ended, or when the last one did."""
    if not (began or is_over) or not counted.is_complete(evidence):
        return ""
    at_last, last = _time_text(evidence, span.last)
    if not began or span.first is None:
        return f"the last ended {at_last} {last}"
    at_first, first = _time_text(evidence, span.first)
    if first == last:
        return f"{subject} ended {at_first} {first}"
    return f"{subject} ended since {'about ' * (at_first == 'about')}{first}, the last {at_last} {last}"


def _most_text(evidence: Evidence, counted: Counted, span: Span) -> str:
    """Return when most of the connects ended, as `20 of 25 ended between 12:36:10 and 12:36:31`.

    It is empty where these are not much closer together than all of them, or than chance explains.
    """
    dense = counted.densest(evidence) if counted.n >= MIN_DENSE and span.first is not None else None
    if dense is None or span.first is None:
        return ""
    length_ns = max(dense.last.end_ns - dense.first.begin_ns, 1)
    if length_ns > MAX_DENSE_SHARE * (span.last.end_ns - span.first.begin_ns):
        return ""
    window_ns = max(evidence.snapshot.now_ns - evidence.began_ns, length_ns)
    # At most: the time may begin with each of them, and has to have so many of the others.
    chance = counted.n * (1 - binomial_cdf(dense.n - 2, counted.n - 1, length_ns / window_ns))
    if chance >= FALSE_ALARMS:
        return ""
    return _between_text(evidence, dense.first, dense.last, f"{dense.n:,} of {counted.n:,}")


def _between_text(evidence: Evidence, first: Between, last: Between, subject: str) -> str:
    (at_first, begin), (at_last, end) = _time_text(evidence, first), _time_text(evidence, last)
    is_about = "about" in (at_first, at_last)
    if begin == end:
        return f"{subject} ended {'about' if is_about else 'at'} {begin}"
    return f"{subject} ended between {'about ' * is_about}{begin} and {end}"


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
