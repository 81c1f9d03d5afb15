"""Whether others on the same host reach what some connects do not: then it is not (only) the peer.

Others are other network namespaces or, within one, other programs: the rules of a namespace are its own, and
a rule can be for one user or one control group. It is said only of the time in which the connects failed, and
where chance does not explain that none of the others' did.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from tcpconntop.core.analysis.explain import steps
from tcpconntop.core.analysis.explain.counted import Counted, failed_connects, kept_answer, name_of
from tcpconntop.core.analysis.explain.destinations import is_of_one_namespace
from tcpconntop.core.analysis.explain.evidence import Evidence
from tcpconntop.core.counts import SparseCounts, find, quantiles_us
from tcpconntop.core.format import duration
from tcpconntop.core.hosts import only_host
from tcpconntop.core.thresholds import MIN_FAILURES, NOTABLE_SHARE
from tcpconntop.core.types import SECOND_NS, Ints, Rows
from tcpconntop.core.view.groups import Grouping, process_text
from tcpconntop.core.view.noise import FALSE_ALARMS, more_often_by_chance
from tcpconntop.core.view.trouble import ok_after_retransmit
from tcpconntop.core.window.slices import Slice
from tcpconntop.core.wire import Outcome

_PROGRAM = Grouping("name", "process name and unit", ("comm", "cgroup_id"))


class Others(NamedTuple):
    """What others on this host do with the same address.

    Attributes:
        text: such as `2 other network namespaces reach it meanwhile: p50 2.30ms, none of 340 failed`; empty
            where nobody else is known to reach it.
        names_own: True if it says, too, from which programs alone connects fail.
    """

    text: str = ""
    names_own: bool = False


class _Apart(NamedTuple):
    """Rows of the window to one address and port, taken apart.

    Attributes:
        own: those that are like the ones that fail.
        others: those of the others.
        by_namespace: True if these are other network namespaces; False: other programs.
    """

    own: Rows
    others: Rows
    by_namespace: bool


class _Meanwhile(NamedTuple):
    """What the others did while connects failed.

    Attributes:
        rows: rows with a success.
        ok, failed: ended attempts.
        p50_us: of the successes.
    """

    rows: Rows
    ok: int
    failed: int
    p50_us: float


def step_here_or_at_peer(
    evidence: Evidence,
    keys: Rows,
    counted: Counted,
    at_peer: Callable[[Evidence, Rows], steps.NextStep],
    *,
    lost: bool = False,
) -> tuple[Others, steps.NextStep]:
    """Return what others on this host do with the same address, and the next step.

    Args:
        evidence: what is explained.
        keys: keys whose connects failed or, with `lost`, succeeded after a lost SYN.
        counted: these connects.
        at_peer: the step where no others are known that reach it, or where there are several destinations:
            then no others are returned.
        lost: see `keys`.
    """
    is_one = (evidence.dest_of[keys] == evidence.dest_of[keys[0]]).all()
    others = reached_by_others(evidence, keys, counted, lost=lost) if is_one else Others()
    return others, (steps.treated_apart if others.text else at_peer)(evidence, keys)


def step_for_busiest(
    evidence: Evidence, keys: Rows, outcome: Outcome, at_peer: Callable[[Evidence, Rows], steps.NextStep]
) -> tuple[str, steps.NextStep]:
    """Return the same, as text, for the destination of the first of some keys that failed; it is named."""
    dest = int(evidence.dest_of[keys[0]])
    keys = keys[evidence.dest_of[keys] == dest]
    counted = failed_connects(evidence, keys, int(evidence.outcomes[keys, outcome].sum()), [outcome])
    others, step = step_here_or_at_peer(evidence, keys, counted, at_peer)
    return (f"{evidence.dest_text(dest)}: {others.text}" if others.text else ""), step


def reached_by_others(evidence: Evidence, keys: Rows, counted: Counted, *, lost: bool = False) -> Others:
    """Return who else on this host reaches the one destination of some keys.

    For the arguments see `step_here_or_at_peer`.
    """
    window = evidence.snapshot.window
    outcomes = window.stats["outcomes"]
    for apart in _take_apart(evidence, keys):
        ok = int(outcomes[apart.others, Outcome.OK].sum())
        if ok < MIN_FAILURES:
            continue
        if lost and ok_after_retransmit(window)[apart.others].any():
            continue
        total, of_others = int(outcomes[apart.own].sum()), int(outcomes[apart.others].sum())
        if not _is_no_chance(counted.n, total, of_others - ok, ok):
            continue
        others = _meanwhile(evidence, counted, apart.others)
        if others is None or not _is_no_chance(counted.n, total, others.failed, others.ok):
            continue
        return Others(_text(evidence, keys, apart, others, lost=lost), not apart.by_namespace)
    return Others()


def _take_apart(evidence: Evidence, keys: Rows) -> Iterator[_Apart]:
    """Yield the rows to the address of some keys by network namespace, then by program within theirs."""
    window_keys, key = evidence.snapshot.window.keys, evidence.keys[keys[0]]
    rows = np.flatnonzero(evidence.once(_ports) == int(key["dport"]) << 8 | int(key["family"]))
    rows = rows[(window_keys["daddr"][rows] == key["daddr"]) & (window_keys["special"][rows] == 0)]
    same_link = window_keys["scope_id"][rows] == key["scope_id"]
    rows = rows[same_link & (only_host(window_keys["netns"][rows]) == only_host(key["netns"]))]
    own, netns = evidence.rows[keys], window_keys["netns"][rows]
    if len(rows) <= len(own):
        return
    in_own = np.isin(netns, window_keys["netns"][own])
    if not (in_own.all() or (netns == 0).any() or is_of_one_namespace(evidence.keys[keys[:1]])[0]):
        yield _Apart(rows[in_own], rows[~in_own], by_namespace=True)
    if evidence.snapshot.info.has_records:
        rows = rows[in_own]
        program = _PROGRAM.merge(window_keys[rows])[1]
        in_own = np.isin(program, program[np.isin(rows, own)])
        yield _Apart(rows[in_own], rows[~in_own], by_namespace=False)


def _ports(evidence: Evidence) -> Ints:
    """Return port and family of all keys of the window as one number, shape (keys,): fast to compare."""
    keys = evidence.snapshot.window.keys
    ports: Ints = keys["dport"].astype(np.int64) << 8 | keys["family"]
    return ports


def _is_no_chance(bad: int, total: int, others_failed: int, others_ok: int) -> bool:
    """Return True if chance does not explain that so many fail here, and hardly any of the others."""
    ended = others_failed + others_ok
    if others_ok < MIN_FAILURES or others_failed >= NOTABLE_SHARE * ended:
        return False
    return more_often_by_chance(min(bad, total), total, others_failed, ended) < FALSE_ALARMS


def _meanwhile(evidence: Evidence, counted: Counted, rows: Rows) -> _Meanwhile | None:
    """Return what some rows (ascending) did in the slices between the first and the last of some connects."""
    span = counted.span(evidence)
    if span is None or span.first is None or not counted.is_complete(evidence):
        return None
    name, parts = name_of("others", rows), []
    for part in evidence.snapshot.pictured:
        # A slice of one second may begin or end a little outside; a longer one has to be inside.
        begin_ns, end_ns = _inside(part)
        if begin_ns < span.first.begin_ns or end_ns > span.last.end_ns:
            continue
        parts.append(kept_answer(part, name, lambda part: _of_rows(part, rows)))
    together = SparseCounts.from_codes([part.latency for part in parts])
    if not len(together.codes):
        return None
    ok = np.sum([part.ok for part in parts], axis=0)
    p50_us = float(quantiles_us(together, 1, (0.5,))[0, 0])
    return _Meanwhile(rows[ok > 0], int(ok.sum()), sum(part.failed for part in parts), p50_us)


class _OfRows(NamedTuple):
    """What some rows did in a slice: successes, shape (rows,); failures; codes and counts of the latency."""

    ok: Ints
    failed: int
    latency: tuple[Ints, Ints]


def _of_rows(part: Slice, rows: Rows) -> _OfRows:
    index, present = find(part.packed_rows, rows)
    outcomes, ok = part.outcomes(index), np.zeros(len(rows), np.int64)
    ok[present] = outcomes[:, Outcome.OK]
    latency = part.packed_latency.select(rows, np.zeros(len(rows), np.int64))
    return _OfRows(ok, int(outcomes[:, Outcome.OK + 1 :].sum()), latency)


def _inside(part: Slice) -> tuple[int, int]:
    """Return the times that must be inside of a span, so that the slice counts as within it."""
    begin_ns, end_ns = part.second * SECOND_NS, (part.second + part.seconds) * SECOND_NS - 1
    return (begin_ns, end_ns) if part.seconds > 1 else (end_ns, begin_ns)


def _text(evidence: Evidence, keys: Rows, apart: _Apart, others: _Meanwhile, *, lost: bool) -> str:
    window_keys = evidence.snapshot.window.keys
    netns = np.unique(window_keys["netns"][others.rows]).tolist()
    names = list(dict.fromkeys(process_text(window_keys[row]) for row in others.rows))
    only = f"only from {evidence.process_names(keys)}; "
    if apart.by_namespace:
        own = np.unique(evidence.keys["netns"][keys]).tolist()
        is_said = evidence.dests["netns"][evidence.dest_of[keys[0]]] or len(own) > 1
        only = "" if is_said else f"only from network namespace {evidence.netns_text(own[0])}; "
        names = [f"network namespace {evidence.netns_text(n)}" for n in netns]
    kind = "network namespaces" if apart.by_namespace else "programs"
    subject = f"{names[0]} reaches" if len(names) == 1 else f"{len(names):,} other {kind} reach"
    ended = others.ok + others.failed
    good = f"no SYN lost in {ended:,} connects" if lost else f"{others.failed or 'none'} of {ended:,} failed"
    return f"{only}{subject} it meanwhile: p50 {duration(others.p50_us)}, {good}"
